"""Cloud providers: the short id that prefixes a region, and the names that people use."""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = {
    "alibaba": "Alibaba Cloud",
    "aws": "Amazon Web Services (AWS)",
    "azure": "Microsoft Azure",
    "coreweave": "CoreWeave",
    "gcp": "Google Cloud",
    "ibm": "IBM Cloud",
    "lambda": "Lambda",
    "oracle": "Oracle Cloud",
    "ovh": "OVHcloud",
    "scaleway": "Scaleway",
}
_ALSO: Final = {
    "aliyun": "alibaba",
    "amazon": "aws",
    "amazon web services": "aws",
    "gce": "gcp",
    "google": "gcp",
    "google cloud platform": "gcp",
    "google cloud platform (gcp)": "gcp",
    "lambda cloud": "lambda",
    "lambda labs": "lambda",
    "microsoft": "azure",
    "oci": "oracle",
    "oracle cloud infrastructure": "oracle",
}


def provider_name(provider: str) -> str:
    """A provider's name as a card prints it; of a provider that is not known, what was given."""
    known = find_provider(provider)
    return PROVIDERS[known] if known else provider


def find_provider(name: str) -> str | None:
    """The id of a provider by its id or one of its usual names, in any case; None if it is not known."""
    wanted = " ".join(name.split()).casefold()
    if wanted in PROVIDERS:
        return wanted
    by_name = {printed.casefold(): provider for provider, printed in PROVIDERS.items()}
    return by_name.get(wanted) or _ALSO.get(wanted)
