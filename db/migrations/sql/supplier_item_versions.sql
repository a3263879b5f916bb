-- The terms on which a supplier sells a SKU count their changes, as their supplier does.

alter table supplier_items
    add column version bigint not null default 1;
