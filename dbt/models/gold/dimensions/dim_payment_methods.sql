{#- The methods are those of the payment event; a new one appears here as soon as the contract names it. -#}
{%- set methods = [] -%}
{%- for field in contract_fields()['rideshare.payments']['fields'] if field['path'] == ['method'] -%}
    {%- do methods.extend(field['enum']) -%}
{%- endfor %}
select
    method,
    if(method = 'pix', 'Pix', upper(substr(method, 1, 1)) || substr(method, 2)) as method_name,
    method != 'cash' as is_electronic
from (
    values
    {%- for method in methods %}
    ('{{ method }}'){{ ',' if not loop.last }}
    {%- endfor %}
) as methods (method)
