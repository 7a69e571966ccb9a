{#-
  Whether a parsed record is a well-formed event of a topic, or a well-formed control record: the SQL form of
  contracts.validation, made from the rendered fields of the same structs. (DuckDB calls contracts.validation.)

  Types are judged on the JSON text of the value (a quoted number is no number, 1.0 is no integer), which Trino has
  already brought into one canonical form. Columns: those of `read_records`.
-#}
{% macro is_event(topic) -%}
    {{ return(adapter.dispatch('is_event')(topic)) }}
{%- endmacro %}

{% macro trino__is_event(topic) -%}
    {{ _is_well_formed(contract_fields()[topic], contract_fields()[topic]['fields']) }}
{%- endmacro %}

{% macro duckdb__is_event(topic) -%}
    record_kind = 'event'
{%- endmacro %}


{% macro is_control(topic) -%}
    {{ return(adapter.dispatch('is_control')(topic)) }}
{%- endmacro %}

{% macro trino__is_control(topic) -%}
    {{ _is_well_formed(contract_fields()[topic], contract_limits()['control']['fields']) }}
{%- endmacro %}

{% macro duckdb__is_control(topic) -%}
    record_kind = 'control'
{%- endmacro %}


{% macro _is_well_formed(domain, fields) -%}
    coalesce(
        event_time >= timestamp '{{ domain['earliest'] }} UTC'
        and event_time < timestamp '{{ domain['latest'] }} UTC' + interval '0.001' second
        {%- for field in fields if field['path'] != ['event_time'] %}
        and {{ _field_rule(field) }}
        {%- endfor %},
        false
    )
{%- endmacro %}


{% macro _field_rule(field) -%}
    {%- if field['path'] | length > 2 or (field['type'] == 'object' and (field['nullable'] or not field['required'])) -%}
        {{ exceptions.raise_compiler_error('no SQL rule for ' ~ field['path'] ~ ': only required objects, one level deep') }}
    {%- endif -%}
    {%- set text = field['path'] | join('_') ~ '_json' -%}
    {%- set exemptions = [] -%}
    {%- if not field['required'] -%}{%- do exemptions.append(text ~ ' is null') -%}{%- endif -%}
    {%- if field['nullable'] -%}{%- do exemptions.append(text ~ " = 'null'") -%}{%- endif -%}
    {%- if exemptions -%}
        ({{ exemptions | join(' or ') }} or {{ _value_rule(field) }})
    {%- else -%}
        {{ _value_rule(field) }}
    {%- endif -%}
{%- endmacro %}


{% macro _value_rule(field) -%}
    {%- set name = field['path'] | join('_') -%}
    {%- set text = name ~ '_json' -%}
    {%- set rules = [] -%}
    {%- if field['enum'] -%}
        {%- set allowed = [] -%}
        {%- for member in field['enum'] -%}
            {%- do allowed.append("'" ~ (member if member is number else '"' ~ member ~ '"') ~ "'") -%}
        {%- endfor -%}
        {%- do rules.append(text ~ ' in (' ~ allowed | join(', ') ~ ')') -%}
    {%- elif field['type'] == 'string' -%}
        {%- do rules.append("starts_with(" ~ text ~ ", '\"')") -%}
        {%- if field['min_length'] is defined or field['max_length'] is defined -%}
            {%- do rules.append(
                'length(' ~ text_field(name) ~ ') between ' ~ field.get('min_length', 0)
                ~ ' and ' ~ field.get('max_length', contract_limits()['max_record_bytes'])
            ) -%}
        {%- endif -%}
        {%- if field['pattern'] is defined -%}
            {%- do rules.append("regexp_like(" ~ text_field(name) ~ ", '" ~ field['pattern'] ~ "')") -%}
        {%- endif -%}
    {%- elif field['type'] in ('integer', 'number') -%}
        {%- set number = integer_field(name) if field['type'] == 'integer' else number_field(name) -%}
        {#- The first character tells a number from a quoted one; '-' to '9' are neighbours in ASCII. -#}
        {%- do rules.append("substr(" ~ text ~ ", 1, 1) between '-' and '9'") -%}
        {%- if field['ge'] is defined and field['le'] is defined -%}
            {%- do rules.append(number ~ ' between ' ~ field['ge'] ~ ' and ' ~ field['le']) -%}
        {%- else -%}
            {%- set bounds = [] -%}
            {%- for bound, operator in [('ge', '>='), ('gt', '>'), ('le', '<=')] if field[bound] is defined -%}
                {%- do bounds.append(number ~ ' ' ~ operator ~ ' ' ~ field[bound]) -%}
            {%- endfor -%}
            {%- do rules.extend(bounds or [number ~ ' is not null']) -%}
        {%- endif -%}
    {%- elif field['type'] == 'boolean' -%}
        {%- do rules.append(text ~ " in ('true', 'false')") -%}
    {%- elif field['type'] == 'object' -%}
        {%- do rules.append(name ~ '_object') -%}
    {%- elif field['type'] == 'array' and field['items'] == 'string' -%}
        {%- do rules.append(
            'all_match(try_cast(try(json_parse(' ~ text ~ ")) as array(json)), item -> starts_with(json_format(item), '\"'))"
        ) -%}
    {%- else -%}
        {{ exceptions.raise_compiler_error('no SQL rule for type ' ~ field['type'] ~ ' of ' ~ field['path']) }}
    {%- endif -%}
    ({{ rules | join(' and ') }})
{%- endmacro %}
