package main

import (
	"context"
	"sort"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerapi "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// tieTrials is how often two candidates are offered to the scheduler's choice, which goes through a map: both come
// out on top at some time exactly if they are equal in everything it looks at. A map of two gives the second one first
// once in eight times.
const tieTrials = 240

type preemptionAnswer struct {
	Candidates []candidate `json:"candidates"`
	Best       []string    `json:"best,omitempty"`
	Nominated  string      `json:"nominated,omitempty"`
	Victims    []string    `json:"victims,omitempty"`
	NodeStatus []status    `json:"node_status,omitempty"`

	found map[string]preemption.Candidate
	ties  func(chosen string) []string
}

type candidate struct {
	Node       string   `json:"node"`
	Victims    []string `json:"victims"`
	Violations int64    `json:"pdb_violations"`
}

// preemptor is a second instance of the default preemption plugin, asked before the scheduler's own is, so that all
// its candidates can be seen.
type preemptor struct {
	plugin *defaultpreemption.DefaultPreemption
	order  map[string]int
}

func newPreemptor(ctx context.Context, handle framework.Framework, order map[string]int) (*preemptor, error) {
	args := &schedulerapi.DefaultPreemptionArgs{MinCandidateNodesPercentage: 10, MinCandidateNodesAbsolute: 100}
	features := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	plugin, err := defaultpreemption.New(ctx, args, handle, features)
	return &preemptor{plugin, order}, err
}

// dryRun looks at every node on which preemption may help; nil if the pod may not preempt.
func (p *preemptor) dryRun(
	ctx context.Context, state fwk.CycleState, pod *v1.Pod, statuses fwk.NodeToStatusReader,
) (*preemptionAnswer, error) {
	evaluator := p.plugin.Evaluator
	allowed, _ := p.plugin.PodEligibleToPreemptOthers(ctx, pod, statuses.Get(pod.Status.NominatedNodeName))
	if !allowed {
		return nil, nil
	}
	nodes, err := statuses.NodesForStatusCode(evaluator.Handler.SnapshotSharedLister().NodeInfos(), fwk.Unschedulable)
	if err != nil {
		return nil, err
	}
	result := &preemptionAnswer{Candidates: []candidate{}, found: map[string]preemption.Candidate{}}
	if len(nodes) == 0 {
		return result, nil
	}
	budgets, err := evaluator.PdbLister.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	// One more than there are nodes: the search never ends early.
	found, failed, err := evaluator.DryRunPreemption(ctx, state, pod, nodes, budgets, 0, int32(len(nodes)+1))
	if err != nil {
		return nil, err
	}
	sort.Slice(found, func(i, j int) bool { return p.order[found[i].Name()] < p.order[found[j].Name()] })
	for _, c := range found {
		result.found[c.Name()] = c
		result.Candidates = append(result.Candidates, candidate{c.Name(), victimNames(c), c.Victims().NumPDBViolations})
	}
	result.NodeStatus = grouped(failed)
	result.ties = func(chosen string) []string { return p.ties(ctx, found, result.found[chosen]) }
	return result, nil
}

// ties names the candidates that are as good as the chosen one, in node order.
func (p *preemptor) ties(ctx context.Context, found []preemption.Candidate, chosen preemption.Candidate) []string {
	best := []string{}
	for _, other := range found {
		if other.Name() == chosen.Name() || p.equal(ctx, chosen, other) {
			best = append(best, other.Name())
		}
	}
	return best
}

func (p *preemptor) equal(ctx context.Context, a, b preemption.Candidate) bool {
	if len(a.Victims().Pods) != len(b.Victims().Pods) || a.Victims().NumPDBViolations != b.Victims().NumPDBViolations {
		return false
	}
	won := map[string]bool{}
	for range tieTrials {
		won[p.plugin.Evaluator.SelectCandidate(ctx, []preemption.Candidate{a, b}).Name()] = true
	}
	return len(won) == 2
}

// chosen gives the victims on the nominated node.
func (p *preemptor) chosen(answer *preemptionAnswer, node string) []*v1.Pod {
	return answer.found[node].Victims().Pods
}

// nominate completes the answer with the scheduler's choice.
func (a *preemptionAnswer) nominate(node string) {
	a.Nominated = node
	a.Best = a.ties(node)
	a.Victims = victimNames(a.found[node])
}

func victimNames(c preemption.Candidate) []string {
	names := []string{}
	for _, victim := range c.Victims().Pods {
		names = append(names, victim.Name)
	}
	return names
}
