package warehouse

import "testing"

func TestDollars(t *testing.T) {
	for amount, want := range map[float64]string{
		0: "$0.00", 0.01: "$0.01", 12.345: "$12.35", 1e-5: "$0.00001", 4.77e-5: "$0.00005", 1e-3: "$0.001", 0.0042: "$0.004",
	} {
		if got := Dollars(amount); got != want {
			t.Errorf("Dollars(%g) = %s, want %s", amount, got, want)
		}
	}
}
