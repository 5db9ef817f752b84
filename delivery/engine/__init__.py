"""Who is shown what at which price: pure rules over plain values. Nothing here knows of Django, Redis or HTTP."""
