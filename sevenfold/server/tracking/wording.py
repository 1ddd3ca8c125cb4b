"""The words of the hosted pages, by language; a workspace's `consent.texts` go before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...messages.policy import Consent

NAMES: Final = (
    "preferences", "intro", "about", "required", "save", "saved", "unchanged", "pending", "nothing",
    "all_off", "all_off_done", "pause", "paused", "unsubscribe", "unsubscribe_all", "unsubscribe_yes",
    "unsubscribed", "more", "confirm", "confirmed", "invalid", "failed", "channel.email", "channel.sms",
    "channel.whatsapp", "channel.web_push", "channel.app_push", "channel.in_app", "channel.popup",
)  # fmt: skip
"""Every text. `{name}`, `{address}`, `{category}` and `{channel}` stand for what they say."""
_EN: Final = (
    "Your preferences",
    "Choose what {name} may send you, and how.",
    "For {address}",
    "Always sent",
    "Save",
    "Your choice is saved.",
    "Nothing was changed.",
    "Please confirm by the message we send you.",
    "There is nothing to choose here.",
    "Stop everything",
    "You will get nothing more that can be refused.",
    "Pause for 30 days",
    "You will hear nothing from us for 30 days.",
    "Stop messages about “{category}” by {channel}?",
    "Stop all messages by {channel}?",
    "Unsubscribe",
    "Done. You will get no more of these.",
    "All preferences",
    "Yes, I want these messages",
    "Thank you. That is confirmed.",
    "This link is not valid, or no longer.",
    "That did not work. Please try again in a moment.",
    "E-mail",
    "Text message",
    "WhatsApp",
    "Browser notification",
    "App notification",
    "In the product",
    "On the website",
)
_DE: Final = (
    "Ihre Einstellungen",
    "Wählen Sie, was {name} Ihnen schicken darf und wie.",
    "Für {address}",
    "Wird immer geschickt",
    "Speichern",
    "Ihre Auswahl ist gespeichert.",
    "Es hat sich nichts geändert.",
    "Bitte bestätigen Sie mit der Nachricht, die wir Ihnen schicken.",
    "Hier gibt es nichts zu wählen.",
    "Alles abbestellen",
    "Sie bekommen nichts mehr, was man ablehnen kann.",
    "30 Tage Pause",
    "Sie hören 30 Tage lang nichts von uns.",
    "Keine Nachrichten zu „{category}“ mehr per {channel}?",
    "Keine Nachrichten mehr per {channel}?",
    "Abbestellen",
    "Erledigt. Sie bekommen davon nichts mehr.",
    "Alle Einstellungen",
    "Ja, ich möchte diese Nachrichten",
    "Danke, das ist bestätigt.",
    "Dieser Link ist nicht oder nicht mehr gültig.",
    "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.",
    "E-Mail",
    "SMS",
    "WhatsApp",
    "Browser-Mitteilung",
    "App-Mitteilung",
    "Im Produkt",
    "Auf der Website",
)
_FR: Final = (
    "Vos préférences",
    "Choisissez ce que {name} peut vous envoyer, et comment.",
    "Pour {address}",
    "Toujours envoyé",
    "Enregistrer",
    "Votre choix est enregistré.",
    "Rien n’a changé.",
    "Confirmez par le message que nous vous envoyons.",
    "Il n’y a rien à choisir ici.",
    "Tout arrêter",
    "Vous ne recevrez plus rien de ce qui peut être refusé.",
    "Pause de 30 jours",
    "Vous n’entendrez pas parler de nous pendant 30 jours.",
    "Ne plus recevoir de messages sur « {category} » par {channel} ?",
    "Ne plus recevoir de messages par {channel} ?",
    "Se désabonner",
    "C’est fait. Vous n’en recevrez plus.",
    "Toutes les préférences",
    "Oui, je veux ces messages",
    "Merci, c’est confirmé.",
    "Ce lien n’est pas valable, ou plus.",
    "Cela n’a pas marché. Réessayez dans un instant.",
    "E-mail",
    "SMS",
    "WhatsApp",
    "Notification du navigateur",
    "Notification de l’application",
    "Dans le produit",
    "Sur le site",
)
_ES: Final = (
    "Sus preferencias",
    "Elija qué puede enviarle {name} y cómo.",
    "Para {address}",
    "Se envía siempre",
    "Guardar",
    "Su elección está guardada.",
    "No ha cambiado nada.",
    "Confírmelo con el mensaje que le enviamos.",
    "Aquí no hay nada que elegir.",
    "Cancelar todo",
    "No recibirá nada más de lo que se puede rechazar.",
    "Pausa de 30 días",
    "No sabrá de nosotros durante 30 días.",
    "¿No recibir más mensajes sobre «{category}» por {channel}?",
    "¿No recibir más mensajes por {channel}?",
    "Darse de baja",
    "Hecho. No recibirá más.",
    "Todas las preferencias",
    "Sí, quiero estos mensajes",
    "Gracias, está confirmado.",
    "Este enlace no es válido o ya no lo es.",
    "No ha funcionado. Inténtelo de nuevo en un momento.",
    "Correo electrónico",
    "SMS",
    "WhatsApp",
    "Notificación del navegador",
    "Notificación de la aplicación",
    "En el producto",
    "En el sitio web",
)
_AR: Final = (
    "تفضيلاتك",
    "اختر ما يمكن أن ترسله {name} إليك وكيف.",
    "إلى {address}",
    "يُرسَل دائمًا",
    "حفظ",
    "تم حفظ اختيارك.",
    "لم يتغير شيء.",
    "يرجى التأكيد عبر الرسالة التي نرسلها إليك.",
    "لا يوجد ما تختاره هنا.",
    "إيقاف كل شيء",
    "لن تصلك أي رسائل يمكن رفضها.",
    "إيقاف مؤقت لمدة 30 يومًا",
    "لن تسمع منا لمدة 30 يومًا.",
    "إيقاف الرسائل عن «{category}» عبر {channel}؟",
    "إيقاف كل الرسائل عبر {channel}؟",
    "إلغاء الاشتراك",
    "تم. لن تصلك هذه الرسائل بعد الآن.",
    "كل التفضيلات",
    "نعم، أريد هذه الرسائل",
    "شكرًا، تم التأكيد.",
    "هذا الرابط غير صالح أو لم يعد صالحًا.",
    "لم ينجح ذلك. حاول مرة أخرى بعد قليل.",
    "البريد الإلكتروني",
    "رسالة نصية",
    "واتساب",
    "إشعار المتصفح",
    "إشعار التطبيق",
    "داخل المنتج",
    "على الموقع",
)
BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    locale: dict(zip(NAMES, texts, strict=True))
    for locale, texts in (("en", _EN), ("de", _DE), ("fr", _FR), ("es", _ES), ("ar", _AR))
}
_RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})


class Words:
    """The texts of one language: the workspace's, then the built-in ones, then English."""

    def __init__(self, consent: Consent, locale: str) -> None:
        self.locale = locale
        self.direction = "rtl" if locale.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
        self._consent = consent
        short = locale.partition("-")[0]
        sources = (
            BUILT_IN["en"],
            BUILT_IN.get(short, {}),
            consent.texts.get(short, {}),
            consent.texts.get(locale, {}),
        )
        self._texts: dict[str, str] = {}
        for source in sources:
            self._texts |= source

    def __call__(self, text: str, **values: str) -> str:
        """A text by its name, with what stands in braces filled in; nothing else in it is looked at."""
        found = self._texts.get(text, "")
        for key, value in values.items():
            found = found.replace(f"{{{key}}}", value)
        return found

    def channel(self, name: str, kind: str) -> str:
        """What a channel is called: by its name, else by its kind."""
        return self._texts.get(f"channel.{name}") or self._texts.get(f"channel.{kind}") or name

    def category(self, name: str) -> tuple[str, str]:
        """(title, description) of a category."""
        model = self._consent.categories.get(name)
        if model is None:
            return name, ""
        short = self.locale.partition("-")[0]
        words = model.locales.get(self.locale) or model.locales.get(short)
        if words is None:
            return model.title or name, model.description
        return words.title or model.title or name, words.description or model.description


def chosen(consent: Consent, wanted: list[str]) -> str:
    """The first wanted language (`de-AT`, `fr`) that there are words in; English without one."""
    known = {
        *BUILT_IN,
        *consent.texts,
        *(one for model in consent.categories.values() for one in model.locales),
    }
    by_case = {one.lower(): one for one in known}
    for one in wanted:
        plain = one.strip().replace("_", "-").lower()
        for candidate in (plain, plain.partition("-")[0]):
            if candidate in by_case:
                return by_case[candidate]
    return "en"


def accepted(header: str) -> list[str]:
    """The languages of an `Accept-Language` header, the most wanted first."""
    found = []
    for place, part in enumerate(header[:1_000].split(",")[:20]):
        name, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        if name and weight > 0:
            found.append((-weight, place, name))
    return [name for _, _, name in sorted(found)]
