"""The fairness monitor: how groups of CVs fare in matches and in recruiters' decisions, window by window.

It stands beside the delivery path and never in it. `state` holds what is remembered and `measures` what is made of it,
both without Kafka; `app` drives them by Faust (extra `monitor`), which `driver` alone imports.
"""

NAME = "fairness-monitor"
