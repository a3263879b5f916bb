-- What a database of races has besides the product: points to stop at inside the product's functions, and a clock that
-- goes on when a race says so. The product's own text is not changed.

create schema races;

-- The clock. search_path finds it before Postgres's own. A sequence, since what is done to one is seen at once by all.
create sequence races.ahead_seconds minvalue 0 start 0;
select setval('races.ahead_seconds', 0);

create function races.clock_timestamp() returns timestamptz
language sql volatile as $$
    select pg_catalog.clock_timestamp() + make_interval(secs => (select last_value from races.ahead_seconds))
$$;

create function races.statement_timestamp() returns timestamptz
language sql stable as $$
    select pg_catalog.statement_timestamp() + make_interval(secs => (select last_value from races.ahead_seconds))
$$;

-- A racer that comes to a point says so at once (a notice does not wait for the commit) and waits at its gate, an
-- advisory lock that the stage has: the next number of a sequence, which no rollback takes back.
create sequence races.points_0;
create sequence races.points_1;
create sequence races.points_2;

create function races.stop(p_where text) returns void
language plpgsql as $$
declare
    v_racer text := substring(current_setting('application_name') from 'holdfast-racer-(\d)');
    v_number integer;
begin
    if v_racer is not null then
        v_number := nextval(('races.points_' || v_racer)::regclass);
        raise notice 'races % %', v_number, p_where;
        perform pg_advisory_lock(v_racer::integer, v_number);
        perform pg_advisory_unlock(v_racer::integer, v_number);
    end if;
end $$;

-- Before a statement inside a function; a statement of its own was stopped before it was sent. Rows that only their
-- writer can meet (lines, ledger, news) have no point: a stop there would be the next point's over again.
create function races.before_statement() returns trigger
language plpgsql as $$
begin
    if current_query() !~* '^\s*(insert|update|delete)' then
        perform races.stop(lower(tg_op) || ' ' || tg_table_name);
    end if;
    return null;
end $$;

-- When all is written, before it is committed: once in a transaction.
create function races.before_commit() returns trigger
language plpgsql as $$
begin
    if current_setting('races.committing', true) is distinct from 'yes' then
        perform set_config('races.committing', 'yes', true);
        perform races.stop('commit');
    end if;
    return null;
end $$;

create trigger races_stop before insert or update on inventory
    for each statement execute function races.before_statement();
create trigger races_stop before insert or update on reservations
    for each statement execute function races.before_statement();
create constraint trigger races_commit after insert on outbox deferrable initially deferred
    for each row execute function races.before_commit();
