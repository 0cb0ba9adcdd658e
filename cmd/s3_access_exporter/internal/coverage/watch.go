package coverage

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// accountsAtOnce is how many accounts may be looked at together.
const accountsAtOnce = 5

// LookAll looks at several accounts. The inventories are in the order of the accounts.
func LookAll(ctx context.Context, accounts []Account, o Options) ([]*Inventory, error) {
	found := make([]*Inventory, len(accounts))
	looks, ctx := errgroup.WithContext(ctx)
	looks.SetLimit(accountsAtOnce)
	for i, a := range accounts {
		looks.Go(func() (err error) {
			found[i], err = Look(ctx, a, o)
			return err
		})
	}
	return found, looks.Wait()
}

// Watch says how Run looks again and again.
type Watch struct {
	// Accounts returns the accounts to look at. It is asked anew each time, as
	// organizations change.
	Accounts  func(ctx context.Context) ([]Account, error)
	Locations []Location // that are tailed
	Interval  time.Duration
	Logger    *slog.Logger
}

// Run looks at once and then at each Interval, and shows what it finds in m, until ctx
// ends. If a look fails, m keeps what was found before, and so its time.
func (w *Watch) Run(ctx context.Context, m *Metrics) {
	ticker := time.NewTicker(w.Interval)
	defer ticker.Stop()
	failing := false
	for {
		now := time.Now()
		all, err := w.look(ctx, now)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			w.Logger.Error("which buckets are logged cannot be found out", "err", err)
		case err == nil:
			m.Set(all.Buckets, now)
			w.Logger.Info("looked at which buckets are logged", "summary", Summarize(all.Buckets).String())
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Watch) look(ctx context.Context, now time.Time) (*Inventory, error) {
	accounts, err := w.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	found, err := LookAll(ctx, accounts, Options{Locations: w.Locations, Now: now})
	if err != nil {
		return nil, err
	}
	return Join(found), nil
}
