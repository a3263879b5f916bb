-- Work that waits for people: who took which step and when, and the first noun of it, adjustments.
--
-- Each noun's table begins with the same columns (its head), so that one piece of code takes the steps of all:
-- status, version (counts every step; its event's sequence), who asked, when the clock acts next and how.

create table audit (
    audit_id uuid primary key default uuidv7(),
    subject_kind varchar(20) not null,
    subject_id uuid not null,
    decision_id varchar(255) not null,
    step varchar(20) not null,
    source varchar(20) not null,
    performed_by uuid not null,
    performed_by_name varchar(255) not null,
    reason varchar(255) not null default '',
    status_before varchar(30),
    status_after varchar(30) not null,
    refusal_code varchar(60),
    refusal_detail varchar(1000),
    details jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    constraint audit_one_effect_per_decision unique (subject_id, decision_id),
    constraint audit_refusals_change_nothing check (refusal_code is null or status_before = status_after)
);
create index audit_person on audit (performed_by, created_at);

create trigger audit_append_only before update or delete on audit
    for each row execute function refuse_change();
create trigger audit_no_truncate before truncate on audit
    for each statement execute function refuse_change();

create table adjustments (
    adjustment_id uuid primary key,
    status varchar(30) not null,
    version bigint not null default 1,
    requested_by uuid not null,
    requested_by_name varchar(255) not null,
    requested_at timestamptz not null default clock_timestamp(),
    wakes_at timestamptz,
    wakes_for varchar(20),
    late_since timestamptz,
    closed_at timestamptz,
    updated_at timestamptz not null default clock_timestamp(),
    inventory_id uuid not null constraint adjustments_inventory references inventory (inventory_id),
    delta integer not null,
    type varchar(20) not null,
    reason_code varchar(20) not null,
    reason varchar(255) not null,
    reference varchar(100) not null default '',
    approval_reason varchar(20),
    unit_cost numeric(14, 4),
    currency varchar(3),
    total_before integer not null,
    applied_total_before integer,
    total_after integer,
    decided_by uuid,
    decided_by_name varchar(255),
    decided_at timestamptz,
    decision_reason varchar(255) not null default '',
    constraint adjustments_status_known
        check (status in ('PENDING', 'APPLIED', 'REJECTED', 'CANCELLED', 'LAPSED')),
    constraint adjustments_delta_not_zero check (delta <> 0),
    constraint adjustments_type_known check (type in ('INBOUND', 'ADJUSTMENT', 'RETURN', 'DAMAGE')),
    constraint adjustments_approval_reason_known check (approval_reason in ('quantity', 'value')),
    constraint adjustments_end_once check ((closed_at is not null) = (status <> 'PENDING')),
    constraint adjustments_wake_while_open check ((wakes_at is null) = (wakes_for is null)
        and (wakes_at is null or closed_at is null)),
    constraint adjustments_applied_add_up check (
        (status = 'APPLIED') = (total_after is not null)
        and (total_after is null or total_after = applied_total_before + delta)),
    constraint adjustments_four_eyes check (
        status <> 'APPLIED' or approval_reason is null or decided_by is distinct from requested_by)
);
create index adjustments_inventory on adjustments (inventory_id, requested_at);
create index adjustments_status on adjustments (status, requested_at, adjustment_id);
create index adjustments_listing on adjustments (requested_at, adjustment_id);
create index adjustments_open on adjustments (requested_at) where closed_at is null;
