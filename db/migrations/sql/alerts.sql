-- What staff should look at: raised when something goes wrong, resolved when it is right again, by itself or by hand.
--
-- At most one alert of a kind is open for a subject (an inventory row, a transfer, a purchase order). They are raised
-- and resolved in the transaction that changes the subject, under its lock; by hand only the alert itself is locked.

create table alerts (
    alert_id uuid primary key default uuidv7(),
    kind varchar(40) not null,
    subject_id uuid not null,
    sku varchar(50),
    warehouse_id uuid constraint alerts_warehouse references warehouses (warehouse_id),
    details jsonb not null default '{}',
    status varchar(12) not null generated always as (
        case when resolved_at is not null then 'resolved' when acknowledged_at is not null then 'acknowledged'
             else 'open' end) stored,
    raised_at timestamptz not null default clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    acknowledged_by_name varchar(255),
    resolved_at timestamptz,
    resolved_by uuid,
    resolved_by_name varchar(255),
    resolution varchar(40),
    reason varchar(255) not null default '',
    version bigint not null default 1,
    constraint alerts_acknowledged_by_somebody check (
        (acknowledged_at is null) = (acknowledged_by is null)
        and (acknowledged_by is null) = (acknowledged_by_name is null)),
    constraint alerts_resolved_somehow check ((resolved_at is null) = (resolution is null)),
    constraint alerts_resolved_by_hand_by_somebody check (
        (resolved_by is null) = (resolved_by_name is null)
        and (resolution is distinct from 'by_hand' or resolved_by is not null))
);
create unique index alerts_one_open on alerts (subject_id, kind) where resolved_at is null;
create index alerts_status on alerts (status, kind, raised_at, alert_id);
create index alerts_warehouse_status on alerts (warehouse_id, status, kind, raised_at, alert_id);
create index alerts_sku on alerts (sku, raised_at, alert_id) where sku is not null;

-- Answers the new alert; null when one of this kind is open for the subject already.

create function raise_alert(p_kind text, p_subject_id uuid, p_sku text, p_warehouse_id uuid, p_details jsonb)
returns uuid
language sql as $$
    insert into alerts (kind, subject_id, sku, warehouse_id, details)
    values (p_kind, p_subject_id, p_sku, p_warehouse_id, p_details)
    on conflict (subject_id, kind) where resolved_at is null do nothing
    returning alert_id
$$;

create function unresolved_alerts(p_subject_id uuid, p_kinds text[]) returns uuid[]
language sql stable
return array(select a.alert_id from alerts a
             where a.subject_id = p_subject_id and a.kind = any (p_kinds) and a.resolved_at is null);

create function alert_body(a alerts) returns jsonb
language sql stable
return jsonb_build_object('alertId', a.alert_id, 'kind', a.kind, 'subjectId', a.subject_id, 'sku', a.sku,
                          'warehouseId', a.warehouse_id, 'status', a.status, 'raisedAt', a.raised_at);

-- Resolved once, whoever comes first; `p_resolved_by` is null when nobody did it by hand. Answers how many were open.

create function resolve_alerts(
    p_alert_ids uuid[], p_resolution text, p_reason text, p_resolved_by uuid, p_resolved_by_name text,
    p_traceparent text
) returns integer
language plpgsql as $$
declare
    a alerts;
    v_count integer := 0;
begin
    for a in
        update alerts set resolved_at = clock_timestamp(), resolution = p_resolution, reason = p_reason,
                          resolved_by = p_resolved_by, resolved_by_name = p_resolved_by_name, version = version + 1
        where alert_id = any (p_alert_ids) and resolved_at is null returning *
    loop
        v_count := v_count + 1;
        insert into outbox (type, key, stream_id, sequence, data, traceparent)
        values ('inventory.alert_resolved', coalesce(a.sku, a.subject_id::text), a.alert_id, a.version,
                alert_body(a) || jsonb_build_object(
                    'resolvedAt', a.resolved_at, 'resolution', a.resolution, 'reason', a.reason,
                    'resolvedBy', a.resolved_by, 'resolvedByName', a.resolved_by_name), p_traceparent);
    end loop;
    return v_count;
end $$;

-- Somebody has seen it. Once: a second one, or one that comes after the end, changes nothing and answers false.

create function acknowledge_alert(
    p_alert_id uuid, p_acknowledged_by uuid, p_acknowledged_by_name text, p_traceparent text
) returns boolean
language plpgsql as $$
declare
    a alerts;
begin
    update alerts set acknowledged_at = clock_timestamp(), acknowledged_by = p_acknowledged_by,
                      acknowledged_by_name = p_acknowledged_by_name, version = version + 1
    where alert_id = p_alert_id and resolved_at is null and acknowledged_at is null returning * into a;
    if not found then
        return false;
    end if;
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    values ('inventory.alert_acknowledged', coalesce(a.sku, a.subject_id::text), a.alert_id, a.version,
            alert_body(a) || jsonb_build_object(
                'acknowledgedAt', a.acknowledged_at, 'acknowledgedBy', a.acknowledged_by,
                'acknowledgedByName', a.acknowledged_by_name), p_traceparent);
    return true;
end $$;
