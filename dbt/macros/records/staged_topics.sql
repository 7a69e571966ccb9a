{#- Topics that have a staging model: topic, and the name of the model. -#}
{% macro staged_topics() -%}
    {{ return({
        'rideshare.trips': 'stg_trips',
        'rideshare.gps_pings': 'stg_gps_pings',
        'rideshare.driver_status': 'stg_driver_status',
        'rideshare.payments': 'stg_payments',
    }) }}
{%- endmacro %}
