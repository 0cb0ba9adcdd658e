package price

import "testing"

func TestRequests_CostWhatAWSLists(t *testing.T) {
	for operation, dollars := range map[string]float64{
		"ListObjectsV2": 0.005, "PutObject": 0.005, "GetObject": 0.0004, "HeadBucket": 0.0004, "DeleteObject": 0,
	} {
		if got := Dollars(Requests(map[string]int64{operation: 1000})); got != dollars {
			t.Errorf("1,000 %s cost $%v, not $%v", operation, got, dollars)
		}
	}
	if got := Requests(map[string]int64{"ListObjectsV2": 2, "GetObject": 3}); got != 2*5000+3*400 {
		t.Errorf("two LIST and three GET cost %d", got)
	}
}
