"""What the admin's own pages say."""

from django import template
from django.template.context import Context

from promote.look_only import Counted, waiting_for

register = template.Library()


@register.simple_tag(takes_context=True)
def what_waits(context: Context) -> list[Counted]:
    return waiting_for(context["request"])
