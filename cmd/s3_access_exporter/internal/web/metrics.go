package web

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metricsPage serves the metrics, in each format to all who ask at the same time at once.
type metricsPage struct {
	formats []expfmt.Format // in the order of preference
	shares  map[expfmt.Format]*share
}

func newMetricsPage(metrics prometheus.Gatherer, shared sharing, logger *slog.Logger) *metricsPage {
	p := &metricsPage{
		formats: expfmt.DefaultOpenMetricsAcceptedFormats(),
		shares:  make(map[expfmt.Format]*share),
	}
	for _, format := range p.formats {
		p.shares[format] = shared.of(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
			ErrorLog:                            slog.NewLogLogger(logger.Handler(), slog.LevelError),
			AcceptedFormats:                     []expfmt.Format{format},
			DisableCompression:                  true, // the share's
			EnableOpenMetricsTextCreatedSamples: true,
		}))
		p.shares[format].contentType = p.contentType
	}
	return p
}

// contentType returns the format that a client asks for, and how it wants names to be
// escaped. That makes no difference to the metrics: none of their names needs it.
func (p *metricsPage) contentType(r *http.Request) string {
	return string(expfmt.NegotiateAccept(r.Header, p.formats...))
}

// ServeHTTP implements http.Handler.
func (p *metricsPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format, _, _ := strings.Cut(p.contentType(r), "; "+model.EscapingKey+"=")
	p.shares[expfmt.Format(format)].ServeHTTP(w, r)
}
