{#-
  A join with the version of a driver or rider that was valid at an instant, as `<entity>_versions`; none is NULLs.

  Args:
      entity: `driver` or `rider`.
      facts: Alias of the rows with the entity's id.
      instant: Expression over them.
-#}
{% macro version_valid_at(entity, facts, instant) -%}
left join {{ ref('dim_' ~ entity ~ 's') }} as {{ entity }}_versions
    on {{ facts }}.{{ entity }}_id = {{ entity }}_versions.{{ entity }}_id
    and {{ instant }} >= {{ entity }}_versions.valid_from
    and ({{ instant }} < {{ entity }}_versions.valid_to or {{ entity }}_versions.valid_to is null)
{%- endmacro %}
