{#-
  Rules of places, with the constants of the contracts; plain arithmetic, the same on either engine.
-#}

{#- Metres between two points in degrees: contracts.rules.great_circle_m. -#}
{% macro great_circle_m(lat1, lon1, lat2, lon2) -%}
    2.0 * {{ contract_rules()['earth_radius_m'] }} * asin(sqrt(least(
        1.0,
        power(sin((radians({{ lat2 }}) - radians({{ lat1 }})) / 2.0), 2)
        + cos(radians({{ lat1 }})) * cos(radians({{ lat2 }})) * power(sin(radians({{ lon2 }} - {{ lon1 }}) / 2.0), 2)
    )))
{%- endmacro %}


{#-
  A query: the rows of a relation with one more column, whether a point lies in the service area and its margin.

  contracts.zones.lattice says the rule: the point's unit vector, its lattice coordinates as two ratios, the nearest
  hexagon by cube rounding, and one character of the area's table.

  Args:
      source: Relation or CTE.
      column: Name of the new column.
      prefix: Of the columns `<prefix>lat` and `<prefix>lon`, in degrees.
-#}
{% macro with_area(source, column, prefix='') -%}
    {%- set area = contract_rules()['accepted_area'] -%}
    select
        *,
        coalesce(
            {{ prefix }}weight > 0
            and {{ prefix }}column_place between 0 and {{ area['column_count'] - 1 }}
            and {{ prefix }}row_place between 0 and {{ area['row_count'] - 1 }}
            and substr(
                '{{ area["cells"] }}', -- noqa: LT05
                try_cast({{ prefix }}column_place * {{ area['row_count'] }} + {{ prefix }}row_place + 1 as bigint),
                1
            ) = '1',
            false
        ) as {{ column }}
    from (
        select
            rounded.*,
            case
                when {{ prefix }}off_x > {{ prefix }}off_y and {{ prefix }}off_x > {{ prefix }}off_z then -{{ prefix }}near_y - {{ prefix }}near_z
                else {{ prefix }}near_x
            end as {{ prefix }}column_place,
            -- Rows count against y; what the other two leave is y where y is farthest off.
            case
                when not ({{ prefix }}off_x > {{ prefix }}off_y and {{ prefix }}off_x > {{ prefix }}off_z) and {{ prefix }}off_y > {{ prefix }}off_z then {{ prefix }}near_x + {{ prefix }}near_z
                else -{{ prefix }}near_y
            end as {{ prefix }}row_place
        from (
            select
                lattice.*,
                floor({{ prefix }}x + 0.5) as {{ prefix }}near_x,
                floor({{ prefix }}y + 0.5) as {{ prefix }}near_y,
                floor({{ prefix }}z + 0.5) as {{ prefix }}near_z,
                abs(floor({{ prefix }}x + 0.5) - {{ prefix }}x) as {{ prefix }}off_x,
                abs(floor({{ prefix }}y + 0.5) - {{ prefix }}y) as {{ prefix }}off_y,
                abs(floor({{ prefix }}z + 0.5) - {{ prefix }}z) as {{ prefix }}off_z
            from (
                select
                    projected.*,
                    {{ prefix }}lattice_column as {{ prefix }}x,
                    -{{ prefix }}lattice_row as {{ prefix }}y,
                    {{ prefix }}lattice_row - {{ prefix }}lattice_column as {{ prefix }}z
                from (
                    select
                        weighed.*,
                        ({{ _along(area['column'], prefix) }}) / {{ prefix }}weight as {{ prefix }}lattice_column,
                        ({{ _along(area['row'], prefix) }}) / {{ prefix }}weight as {{ prefix }}lattice_row
                    from (
                        select
                            vectors.*,
                            {{ _along(area['weight'], prefix) }} as {{ prefix }}weight
                        from (
                            select
                                points.*,
                                cos(radians({{ prefix }}lat)) * cos(radians({{ prefix }}lon)) as {{ prefix }}unit_x,
                                cos(radians({{ prefix }}lat)) * sin(radians({{ prefix }}lon)) as {{ prefix }}unit_y,
                                sin(radians({{ prefix }}lat)) as {{ prefix }}unit_z
                            from {{ source }} as points
                        ) as vectors
                    ) as weighed
                ) as projected
            ) as lattice
        ) as rounded
    ) as places
{%- endmacro %}


{% macro _along(vector, prefix) -%}
    {{ prefix }}unit_x * {{ vector[0] }}e0 + {{ prefix }}unit_y * {{ vector[1] }}e0 + {{ prefix }}unit_z * {{ vector[2] }}e0
{%- endmacro %}
