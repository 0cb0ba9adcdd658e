package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/scanner"
)

//go:embed status.html
var statusHTML string

// statusPages serve what the scanner is doing: a page, and the same as JSON.
type statusPages struct {
	status   func() scanner.Status
	role     func() *Role
	coverage Coverage // nil: there is none
	page     *template.Template
}

func newStatusPages(status func() scanner.Status, role func() *Role, buckets Coverage) (*statusPages, error) {
	page, err := template.New("status").Funcs(template.FuncMap{
		"count": groupDigits, "price": formatPrice, "span": formatSpan, "usd": formatUSD, "visible": hostile.Visible, "beforeStart": beforeStart,
	}).Parse(statusHTML)
	return &statusPages{status: status, role: role, coverage: buckets, page: page}, err
}

// serveHTML answers with the page, which loads nothing and runs nothing.
func (p *statusPages) serveHTML(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	err := p.page.Execute(&page, newStatusView(p.status(), p.role(), p.looked()))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	respond(w, "text/html; charset=utf-8", page.Bytes(), err)
}

// serveJSON answers with the same as JSON: nothing is left out. Characters that deceive are
// escapes in it, as it is read on terminals, too.
func (p *statusPages) serveJSON(w http.ResponseWriter, _ *http.Request) {
	status := p.status()
	body, err := json.MarshalIndent(struct {
		scanner.Status
		Role     *Role         `json:"replica,omitempty"`
		Coverage *coverageView `json:"coverage,omitempty"`
		Cost     cost          `json:"estimated_cost_usd"`
	}{status, p.role(), p.looked(), costOf(status)}, "", "  ")
	respond(w, "application/json", append(hostile.AppendJSON(nil, string(body)), '\n'), err)
}

// respond sends a body that was made just now, unless it could not be made.
func respond(w http.ResponseWriter, contentType string, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // nobody is left to report a failure to
}
