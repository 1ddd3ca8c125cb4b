"""How a message leaves: one small file a provider, behind one protocol (`base`) and one conformance suite."""
