{#- The rows of a relation, called odd, for which a condition holds, each with the number of all rows. -#}
{% macro odd_rows_of(relation, condition) -%}
select
    odd.*,
    totals.row_count
from {{ relation }} as odd
cross join (
    select count(*) as row_count
    from {{ relation }}
) as totals
where {{ condition }}
{%- endmacro %}
