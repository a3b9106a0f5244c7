"""Models of sticker APIs over any folder, one file each: what `vsd2m gallery --api NAME` serves, for trying sources."""

from vsd2m.core.registry import component
from vsd2m.gallery.apis.base import ApiModel

APIS: dict[str, str] = {
    "commons": "vsd2m.gallery.apis.commons:CommonsModel",
    "openverse": "vsd2m.gallery.apis.openverse:OpenverseModel",
    "mastodon": "vsd2m.gallery.apis.mastodon:MastodonModel",
    "misskey": "vsd2m.gallery.apis.misskey:MisskeyModel",
    "telegram": "vsd2m.gallery.apis.telegram:TelegramModel",
    "giphy": "vsd2m.gallery.apis.giphy:GiphyModel",
    "klipy": "vsd2m.gallery.apis.klipy:KlipyModel",
}


def api_class(name: str) -> type[ApiModel]:
    """The model of that name; `ConfigError` if there is none."""
    model: type[ApiModel] = component(APIS, name, kind="API", base=ApiModel)
    return model
