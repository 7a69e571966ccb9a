{#- Every input topic with the name of its staging model: stg_<entity>, other domains stg_<domain>_<entity>. -#}
{% macro staged_topics() -%}
    {%- set topics = {} -%}
    {%- for topic in contract_fields() -%}
        {%- do topics.update({topic: 'stg_' ~ topic.removeprefix('rideshare.') | replace('.', '_')}) -%}
    {%- endfor -%}
    {{ return(topics) }}
{%- endmacro %}
