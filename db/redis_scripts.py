"""The Lua that guards the availability view: each script runs alone in Redis, so compare-and-set needs no lock.

A hash holds `epoch` (it counts only while that is the current one), `generation` (changed when rows came or went),
`shelves` (JSON of what never changes; present only when every row of the SKU is there) and, for each inventory id,
"sequence available".
"""

from __future__ import annotations

STORE = """
local epoch = redis.call('GET', KEYS[1]) or '0'
for i = 2, #KEYS do
  local key, at = KEYS[i], (i - 2) * 3 + 2
  local id, sequence, available = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('HGET', key, 'epoch') ~= epoch then
    redis.call('DEL', key)
    redis.call('HSET', key, 'epoch', epoch)
  end
  local held = redis.call('HGET', key, id)
  if not held or tonumber(string.match(held, '^%d+')) < tonumber(sequence) then
    redis.call('HSET', key, id, sequence .. ' ' .. available)
  end
  if redis.call('HEXISTS', key, 'shelves') == 0 then
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
"""
"""KEYS: epoch, a hash for each level. ARGV: milliseconds to keep an incomplete hash; id, sequence, available each."""

FILL = """
local epoch = redis.call('GET', KEYS[1]) or '0'
if epoch ~= ARGV[2] then
  return
end
local at = 3
for i = 2, #KEYS do
  local key, generation, shelves, rows = KEYS[i], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if redis.call('HGET', key, 'epoch') ~= epoch then
    redis.call('DEL', key)
  end
  if (redis.call('HGET', key, 'generation') or '') == generation then
    local levels = {}
    for row = 0, rows - 1 do
      local id, sequence, available = ARGV[at + 3 + row * 3], ARGV[at + 4 + row * 3], ARGV[at + 5 + row * 3]
      local held = redis.call('HGET', key, id)
      if held and tonumber(string.match(held, '^%d+')) > tonumber(sequence) then
        levels[id] = held
      else
        levels[id] = sequence .. ' ' .. available
      end
    end
    redis.call('DEL', key)
    redis.call('HSET', key, 'epoch', epoch, 'shelves', shelves)
    if generation ~= '' then
      redis.call('HSET', key, 'generation', generation)
    end
    for id, level in pairs(levels) do
      redis.call('HSET', key, id, level)
    end
    redis.call('PEXPIRE', key, ARGV[1])
  end
  at = at + 3 + rows * 3
end
"""
"""KEYS: epoch, a hash for each SKU. ARGV: milliseconds to keep, the epoch that was seen; for each SKU the generation
that was seen, its shelves, how many rows, and id, sequence, available each."""

FORGET = """
local epoch = redis.call('GET', KEYS[1]) or '0'
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
  redis.call('HSET', KEYS[i], 'epoch', epoch, 'generation', ARGV[2])
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
end
"""
"""KEYS: epoch, a hash for each SKU. ARGV: milliseconds to keep the new generation, and its name."""
