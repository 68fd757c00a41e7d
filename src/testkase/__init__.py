"""TestKase AI credits: a ledger, a meter, the AI features that spend credits and the API that sells them."""
