-- An audit trail a page at a time, however often a step of one operation was refused.

create index audit_subject on audit (subject_id, audit_id);
