package fleet

import "strings"

// tls returns the TLS version and the cipher suite of a call; nothing for plain HTTP.
func (c *call) tls() (version, cipher string) {
	switch c.actor.tls {
	case "":
		return "TLSv1.3", "TLS_AES_128_GCM_SHA256"
	case noTLS:
		return "", ""
	}
	return c.actor.tls, "ECDHE-RSA-AES128-SHA"
}

// features returns what of that which AWS turns off the call uses, and what the record of it
// does not show.
func (c *call) features(trailed bool) (uses, unknown string) {
	if c.actor.identity.kind == ownWork {
		return "", ""
	}
	byService := trailed && c.service() != "" // its event has a cipher suite, and no version
	plain := c.actor.tls == noTLS
	var used, hidden []string
	note := func(name string, uses, shown bool) {
		switch {
		case !shown:
			hidden = append(hidden, name)
		case uses:
			used = append(used, name)
		}
	}
	note("sigv2", c.actor.signature == "SigV2", !trailed || c.actor.identity.kind == anonymous || !c.onBehalf())
	note("tls1.0", c.actor.tls == "TLSv1", !trailed || !plain && !byService)
	note("tls1.1", c.actor.tls == "TLSv1.1", !trailed || !plain && !byService)
	note("plain_http", plain, !trailed || !plain)
	note("acl_required", c.actor.acl, trailed || !c.short)
	note("path_style", c.actor.endpoint == pathStyle, true)
	note("soap", strings.HasPrefix(c.logged, "SOAP."), !trailed)
	return strings.Join(used, ","), strings.Join(hidden, ",")
}
