-- The buckets of keys that one relay may send, for `p_lease` from now. Relays that are alive share them evenly; one
-- that froze loses its buckets by time. Short and without advisory locks: rows that another relay is taking at this
-- moment are skipped.
--
-- Called again before the lease is over it renews what the caller has, gives back what is above its share and takes
-- what is free. Answers the buckets that are the caller's.

create function lease_buckets(p_owner text, p_lease interval) returns setof smallint
language plpgsql as $$
declare
    v_share integer;
begin
    insert into relay_members as m (owner, seen_at) values (p_owner, clock_timestamp())
    on conflict (owner) do update set seen_at = excluded.seen_at;
    select ceil((select count(*) from relay_leases)::numeric / count(*)) into v_share
    from relay_members m where m.seen_at > clock_timestamp() - p_lease;

    update relay_leases l
    set owner = case when mine.place <= v_share then p_owner end,
        leased_until = case when mine.place <= v_share then clock_timestamp() + p_lease else '-infinity' end
    from (select o.bucket, row_number() over (order by o.bucket) as place
          from relay_leases o where o.owner = p_owner) mine
    where l.bucket = mine.bucket and l.owner = p_owner;

    update relay_leases l set owner = p_owner, leased_until = clock_timestamp() + p_lease
    where l.bucket in (
        select f.bucket from relay_leases f
        where f.leased_until <= clock_timestamp() order by f.bucket
        limit greatest(0, v_share - (select count(*) from relay_leases o where o.owner = p_owner))
        for no key update skip locked);

    return query select l.bucket from relay_leases l where l.owner = p_owner and l.leased_until > clock_timestamp();
end $$;
