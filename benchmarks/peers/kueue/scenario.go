package main

// The scenario format of docs/engine.md. An absent optional field is the zero value or nil.

type quota struct {
	Nominal        int64  `json:"nominal"`
	BorrowingLimit *int64 `json:"borrowingLimit"`
	LendingLimit   *int64 `json:"lendingLimit"`
}

type flavorQuotas struct {
	Flavor    string           `json:"flavor"`
	Resources map[string]quota `json:"resources"`
}

type resourceGroup struct {
	CoveredResources []string       `json:"coveredResources"`
	Flavors          []flavorQuotas `json:"flavors"`
}

type taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}

type toleration struct {
	Key      string `json:"key"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
	Effect   string `json:"effect"`
}

type flavor struct {
	Name        string            `json:"name"`
	NodeLabels  map[string]string `json:"nodeLabels"`
	Taints      []taint           `json:"taints"`
	Tolerations []toleration      `json:"tolerations"`
	Topology    string            `json:"topology"`
}

type cohort struct {
	Name           string          `json:"name"`
	Parent         string          `json:"parent"`
	ResourceGroups []resourceGroup `json:"resourceGroups"`
	FairWeight     *float64        `json:"fairWeight"`
}

type clusterQueue struct {
	Name             string          `json:"name"`
	Cohort           string          `json:"cohort"`
	QueueingStrategy string          `json:"queueingStrategy"`
	ResourceGroups   []resourceGroup `json:"resourceGroups"`
	Preemption       struct {
		WithinClusterQueue  string `json:"withinClusterQueue"`
		ReclaimWithinCohort string `json:"reclaimWithinCohort"`
		BorrowWithinCohort  *struct {
			Policy               string `json:"policy"`
			MaxPriorityThreshold *int32 `json:"maxPriorityThreshold"`
		} `json:"borrowWithinCohort"`
	} `json:"preemption"`
	FlavorFungibility struct {
		WhenCanBorrow  string `json:"whenCanBorrow"`
		WhenCanPreempt string `json:"whenCanPreempt"`
		Preference     string `json:"preference"`
	} `json:"flavorFungibility"`
	FairWeight *float64 `json:"fairWeight"`
}

type topology struct {
	Name   string   `json:"name"`
	Levels []string `json:"levels"`
}

type node struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Allocatable map[string]int64  `json:"allocatable"`
	Taints      []taint           `json:"taints"`
}

type requirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

type topologyRequest struct {
	Required      string `json:"required"`
	Preferred     string `json:"preferred"`
	Unconstrained bool   `json:"unconstrained"`
	SliceLevel    string `json:"podSetSliceRequiredTopology"`
	SliceSize     *int32 `json:"podSetSliceSize"`
	Group         string `json:"podSetGroupName"`
}

type podSet struct {
	Name             string            `json:"name"`
	Count            int32             `json:"count"`
	MinCount         *int32            `json:"minCount"`
	Requests         map[string]int64  `json:"requests"`
	NodeSelector     map[string]string `json:"nodeSelector"`
	RequiredAffinity [][]requirement   `json:"requiredAffinity"`
	Tolerations      []toleration      `json:"tolerations"`
	TopologyRequest  *topologyRequest  `json:"topologyRequest"`
}

type workloadSpec struct {
	Name         string   `json:"name"`
	UID          string   `json:"uid"`
	ClusterQueue string   `json:"clusterQueue"`
	Priority     int32    `json:"priority"`
	CreatedAt    int64    `json:"createdAt"`
	QueuedAt     *int64   `json:"queuedAt"`
	Runtime      int64    `json:"runtime"`
	PodSets      []podSet `json:"podSets"`
}

type scenario struct {
	ID    string `json:"id"`
	Class string `json:"class"`
	Env   struct {
		WakeupDelay         int64 `json:"wakeupDelay"`
		EvictionLatency     int64 `json:"evictionLatency"`
		IdleCycles          int   `json:"idleCycles"`
		MaxCyclesPerInstant int   `json:"maxCyclesPerInstant"`
		MaxCyclesTotal      int   `json:"maxCyclesTotal"`
		// Only in the benchmark's shapes: one wake-up timer for all trees; wake-ups before the finishes of an instant.
		SharedWakeup bool `json:"sharedWakeup"`
		WakeupsFirst bool `json:"wakeupsFirst"`
	} `json:"env"`
	FairSharing struct {
		Enabled              bool     `json:"enabled"`
		PreemptionStrategies []string `json:"preemptionStrategies"`
	} `json:"fairSharing"`
	Flavors       []flavor       `json:"flavors"`
	Cohorts       []cohort       `json:"cohorts"`
	ClusterQueues []clusterQueue `json:"clusterQueues"`
	Topologies    []topology     `json:"topologies"`
	Nodes         []node         `json:"nodes"`
	Workloads     []workloadSpec `json:"workloads"`
}

type domain struct {
	Values []string `json:"values"`
	Count  int32    `json:"count"`
}

type podSetAnswer struct {
	Name    string            `json:"name"`
	Count   int32             `json:"count"`
	Flavors map[string]string `json:"flavors"`
	Levels  []string          `json:"levels,omitempty"`
	Domains []domain          `json:"domains,omitempty"`
}

type decision struct {
	T            int64          `json:"t"`
	Cycle        int            `json:"cycle"`
	Event        string         `json:"event"`
	Workload     string         `json:"workload"`
	ClusterQueue string         `json:"clusterQueue"`
	PodSets      []podSetAnswer `json:"podSets,omitempty"`
	Reason       string         `json:"reason,omitempty"`
	Preemptor    string         `json:"preemptor,omitempty"`
}

type stillPending struct {
	Workload     string `json:"workload"`
	ClusterQueue string `json:"clusterQueue"`
	EverAdmitted bool   `json:"everAdmitted"`
	Queue        string `json:"queue"`
	Message      string `json:"message"`
}

type messageChange struct {
	T        int64  `json:"t"`
	Cycle    int    `json:"cycle"`
	Workload string `json:"workload"`
	Message  string `json:"message"`
}

type stats struct {
	Admissions int   `json:"admissions"`
	Evictions  int   `json:"evictions"`
	Finished   int   `json:"finished"`
	Pending    int   `json:"pending"`
	Cycles     int   `json:"cycles"`
	Makespan   int64 `json:"makespan"`
	Livelock   bool  `json:"livelock"`
}

type answer struct {
	ID         string          `json:"id"`
	Decisions  []decision      `json:"decisions"`
	Pending    []stillPending  `json:"pending"`
	PendingLog []messageChange `json:"pendingLog"`
	Stats      stats           `json:"stats"`
	// Some decision differed between runs of the same scenario.
	Random bool `json:"random,omitempty"`
	// The scenario could not be run.
	Error string `json:"error,omitempty"`
}
