"""How another machine is reached: addresses, TLS, proxies, connections, HTTP."""
