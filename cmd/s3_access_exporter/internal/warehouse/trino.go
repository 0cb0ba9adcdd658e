package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/trinodb/trino-go-client/trino"
)

// TrinoConfig is how a Trino cluster is reached.
type TrinoConfig struct {
	// URL is the coordinator's: http://USER@HOST:PORT, or with a password over https. A user
	// is needed.
	URL string
	// Catalog is one of the Hive connector, Schema where its tables are.
	Catalog, Schema string
}

// TrinoClient is the Client of a Trino cluster.
type TrinoClient struct {
	db *sql.DB
}

var _ Client = (*TrinoClient)(nil)

// trinoSource is the name under which a cluster shows the program's queries.
const trinoSource = "s3_access_exporter"

// NewTrinoClient returns a client. It does no I/O. The caller closes it.
func NewTrinoClient(cfg TrinoConfig) (*TrinoClient, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("it is no URL such as https://user@trino.example.com:8443")
	}
	if u.User.Username() == "" {
		u.User = url.User(trinoSource)
	}
	patience := 20 * time.Second // with a coordinator that does not answer
	connector, err := trino.NewConnector(&trino.Config{
		RequestRetryTimeout: &patience,
		ServerURI:           (&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String(),
		Source:              trinoSource, Catalog: cfg.Catalog, Schema: cfg.Schema,
		// Days without an object have no folder.
		SessionProperties: map[string]string{cfg.Catalog + ".ignore_absent_partitions": "true"},
	})
	if err != nil {
		return nil, err
	}
	return &TrinoClient{db: sql.OpenDB(connector)}, nil
}

// Close gives up the connections.
func (c *TrinoClient) Close() error { return c.db.Close() }

// Query implements Client.
func (c *TrinoClient) Query(ctx context.Context, text string, progress func(State), take func(row []sql.NullString) error) error {
	const interval = 500 * time.Millisecond
	rows, err := c.db.QueryContext(ctx, text,
		sql.Named("X-Trino-Progress-Callback", trinoProgress(progress)), sql.Named("X-Trino-Progress-Callback-Period", interval))
	if err != nil {
		return trinoError(ctx, err)
	}
	defer func() { _ = rows.Close() }() // Err has what went wrong
	columns, err := rows.Columns()
	if err != nil {
		return trinoError(ctx, err)
	}
	row, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range row {
		targets[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return trinoError(ctx, err)
		}
		if err := take(row); err != nil {
			return err
		}
	}
	return trinoError(ctx, rows.Err())
}

// trinoProgress is a trino.ProgressUpdater.
type trinoProgress func(State)

// Update implements trino.ProgressUpdater.
func (p trinoProgress) Update(info trino.QueryProgressInfo) {
	p(State{Text: info.QueryStats.State, Bytes: info.QueryStats.PhysicalInputBytes})
}

// trinoError returns the reason of a query's failure, in one line.
func trinoError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	var failed *trino.ErrTrino
	if !errors.As(err, &failed) {
		return fmt.Errorf("trino: %s", oneLine(err.Error()))
	}
	if isNoTable(failed.ErrorName) {
		return fmt.Errorf("trino: %w: %s", ErrNoTable, oneLine(failed.Message))
	}
	return fmt.Errorf("trino: the query failed: %s: %s", failed.ErrorName, oneLine(failed.Message))
}
