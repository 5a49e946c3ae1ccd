"""A shop's server charges and pays back with what openapi-python-client made of the document."""

import os
from urllib.parse import urlsplit

from api.api.charges import create_charge, get_charge
from api.api.refunds import create_charge_refund
from api.client import AuthenticatedClient
from api.models.charge import Charge
from api.models.charge_create import ChargeCreate
from api.models.charge_refunds_create import ChargeRefundsCreate
from api.models.problem import Problem
from api.models.refund import Refund

url = urlsplit(os.environ["API_URL"])
origin = f"{url.scheme}://{url.netloc}"
shop = AuthenticatedClient(base_url=origin, token=os.environ["API_KEY_BOOKS"])
other = AuthenticatedClient(base_url=origin, token=os.environ["API_KEY_FLOWERS"])

body = ChargeCreate(amount=3800, currency="JPY", customer="cus_python")
made = create_charge.sync_detailed(client=shop, body=body, idempotency_key="python-1")
again = create_charge.sync_detailed(client=shop, body=body, idempotency_key="python-1")
charge = made.parsed
assert isinstance(charge, Charge) and again.parsed == charge and charge.refunded is False
assert made.headers["RateLimit-Policy"] == '"default";q=100;w=60'

# A key is for one request.
more = ChargeCreate(amount=3801, currency="JPY", customer="cus_python")
mixed_up = create_charge.sync(client=shop, body=more, idempotency_key="python-1")
assert isinstance(mixed_up, Problem) and mixed_up.code == "idempotency_mismatch"

# What is another's is not there.
hidden = get_charge.sync(charge.id, client=other)
assert isinstance(hidden, Problem) and hidden.status == 404

# Paid back once.
reason = ChargeRefundsCreate(reason="Ordered by mistake")
refund = create_charge_refund.sync(charge.id, client=shop, body=reason, idempotency_key="python-2")
assert isinstance(refund, Refund) and refund.charge_id == charge.id
second = create_charge_refund.sync(charge.id, client=shop, body=reason, idempotency_key="python-3")
assert isinstance(second, Problem) and second.code == "already_exists"
refunded = get_charge.sync(charge.id, client=shop)
assert isinstance(refunded, Charge) and refunded.refunded is True
print("charged once, hidden from others, paid back once")
