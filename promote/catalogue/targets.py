"""What can be promoted: a video, a video with an anchor, a live room."""

from django.utils.translation import gettext_lazy as _

from promote import ids
from promote.catalogue.models import LiveRoom, Video
from promote.refusals import NotFound

Target = Video | LiveRoom


class TargetNotFound(NotFound):
    sentence = _("There is no such video or live room in your account.")


def find(public_id: str) -> Target:
    """The video (`vid_…`) or live room (`liv_…`) of this id. Raises TargetNotFound."""
    try:
        if str(public_id).startswith("liv_"):
            return LiveRoom.objects.select_related("account").get(id=ids.parse("liv", public_id))
        return Video.objects.select_related("account", "product").get(id=ids.parse("vid", public_id))
    except (NotFound, Video.DoesNotExist, LiveRoom.DoesNotExist):
        raise TargetNotFound from None


def function_of(target: Target) -> str:
    """`video`, `anchor` or `live`. A video with an anchor is the anchor function, alone (DESIGN.md 2)."""
    if isinstance(target, LiveRoom):
        return "live"
    return "anchor" if target.product_id else "video"
