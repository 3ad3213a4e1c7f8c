package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// attempt is one scheduling cycle in the words of the scenario files.
type attempt struct {
	Outcome          string             `json:"outcome"`
	Node             string             `json:"node,omitempty"`
	Feasible         []string           `json:"feasible,omitempty"`
	Total            []int64            `json:"total,omitempty"`
	Scores           map[string][]int64 `json:"scores,omitempty"`
	Best             []string           `json:"best,omitempty"`
	Message          string             `json:"message,omitempty"`
	PreFilterMessage string             `json:"prefilter_message,omitempty"`
	NodeStatus       []status           `json:"node_status,omitempty"`
	OtherNodes       *status            `json:"other_nodes_status,omitempty"`
	Plugins          *[]string          `json:"unschedulable_plugins,omitempty"`
	Preemption       *preemptionAnswer  `json:"preemption,omitempty"`
	TriedNominated   string             `json:"tried_nominated,omitempty"`
}

type status struct {
	Plugin  string   `json:"plugin"`
	Code    string   `json:"code"`
	Reasons []string `json:"reasons"`
	Nodes   []string `json:"nodes,omitempty"`
}

type answer struct {
	Pod      string    `json:"pod"`
	Attempts []attempt `json:"attempts"`
}

// observed is what the scheduler did in the cycle that runs now.
type observed struct {
	pod        string
	feasible   []string
	scores     []fwk.NodePluginScores
	result     scheduler.ScheduleResult
	err        error
	preemption *preemptionAnswer
	nominated  string
	pick       string
}

// follow replaces the scheduler's choice by the recorded one if that is among the equally good.
func (o *observed) follow(choice string, equals []string) string {
	if slices.Contains(equals, o.pick) {
		return o.pick
	}
	return choice
}

// best names the nodes with the highest total.
func (o *observed) best() []string {
	names, highest := []string{}, int64(math.MinInt64)
	for _, node := range o.scores {
		if node.TotalScore > highest {
			names, highest = nil, node.TotalScore
		}
		if node.TotalScore == highest {
			names = append(names, node.Name)
		}
	}
	return names
}

// watched is the scheduler's framework; it looks on and changes nothing.
type watched struct {
	framework.Framework
	seen      *observed
	preemptor *preemptor
}

func (w *watched) RunPreScorePlugins(
	ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo,
) *fwk.Status {
	for _, node := range nodes {
		w.seen.feasible = append(w.seen.feasible, node.Node().Name)
	}
	return w.Framework.RunPreScorePlugins(ctx, state, pod, nodes)
}

func (w *watched) RunScorePlugins(
	ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo,
) ([]fwk.NodePluginScores, *fwk.Status) {
	scores, result := w.Framework.RunScorePlugins(ctx, state, pod, nodes)
	w.seen.scores = append([]fwk.NodePluginScores{}, scores...)
	return scores, result
}

func (w *watched) RunPostFilterPlugins(
	ctx context.Context, state fwk.CycleState, pod *v1.Pod, statuses fwk.NodeToStatusReader,
) (*fwk.PostFilterResult, *fwk.Status) {
	tried, err := w.preemptor.dryRun(ctx, state, pod, statuses)
	if err != nil {
		return nil, fwk.AsStatus(err)
	}
	result, code := w.Framework.RunPostFilterPlugins(ctx, state, pod, statuses)
	if code.Code() != fwk.Error {
		w.seen.preemption = tried
	}
	if result != nil && result.NominatingInfo != nil && result.NominatedNodeName != "" {
		result.NominatedNodeName = w.seen.follow(result.NominatedNodeName, tried.ties(result.NominatedNodeName))
		w.seen.nominated = result.NominatedNodeName
	}
	return result, code
}

// decider leads one scheduler through one scenario.
type decider struct {
	*cluster
	spec  *scenario
	notes *recorder
	watch *watched
	next  *framework.QueuedPodInfo
	// cycles holds what was seen of each pod since it was last emptied.
	cycles []*observed
	picks  map[string][]string
	order  map[string]int
}

func newDecider(s *scenario) (*decider, error) {
	d := &decider{spec: s, notes: &recorder{}, picks: s.picks(), order: map[string]int{}}
	for i, node := range s.Nodes {
		d.order[node.Name] = i
	}
	objects := []runtime.Object{}
	for _, claim := range s.Claims {
		objects = append(objects, claim.object())
	}
	recorders := func(string) events.EventRecorderLogger { return d.notes }
	c, err := newCluster(recorders, objects, scheduler.WithParallelism(1))
	if err != nil {
		return nil, err
	}
	d.cluster = c
	real := c.sched.Profiles[schedulerName]
	judge, err := newPreemptor(c.ctx, real, d.order)
	if err != nil {
		return nil, err
	}
	d.watch = &watched{Framework: real, preemptor: judge}
	c.sched.Profiles[schedulerName] = d.watch
	c.sched.NextPod = func(klog.Logger) (*framework.QueuedPodInfo, error) { return d.next, nil }
	schedulePod := c.sched.SchedulePod
	c.sched.SchedulePod = func(
		ctx context.Context, fw framework.Framework, state fwk.CycleState, pod *framework.QueuedPodInfo,
	) (scheduler.ScheduleResult, error) {
		if d.watch.seen.pod != "" {
			// A gang's members follow each other within one cycle; each is looked at apart.
			d.watch.seen = &observed{}
		}
		d.watch.seen.pod = pod.Pod.Name
		d.cycles = append(d.cycles, d.watch.seen)
		result, err := schedulePod(ctx, fw, state, pod)
		result.SuggestedHost = d.watch.seen.follow(result.SuggestedHost, d.watch.seen.best())
		d.watch.seen.result, d.watch.seen.err = result, err
		return result, err
	}
	return d, c.load(s)
}

// decide answers for each pod of the scenario, one after the other.
func decide(s *scenario) ([]answer, error) {
	d, err := newDecider(s)
	if err != nil {
		return nil, err
	}
	defer d.cancel()
	answers := make([]answer, 0, len(s.Pods))
	for i, spec := range s.Pods {
		spec.Start = firstStart + int64(i)
		attempts, err := d.place(spec)
		if err != nil {
			return nil, fmt.Errorf("%s, pod %s: %w", s.ID, spec.Name, err)
		}
		answers = append(answers, answer{spec.Name, attempts})
	}
	return answers, nil
}

// place tries a pod until it is bound or refused without a nomination.
func (d *decider) place(spec podSpec) ([]attempt, error) {
	attempts := []attempt{}
	for {
		pod := spec.object()
		pods := d.informers.Core().V1().Pods().Informer()
		if err := store(pods, pod); err != nil {
			return nil, err
		}
		pick := ""
		if picks := d.picks[spec.Name]; len(attempts) < len(picks) {
			pick = picks[len(attempts)]
		}
		tried, victims, err := d.attempt(pod, pick)
		if err != nil {
			return nil, err
		}
		if len(attempts) > 0 {
			tried.TriedNominated = spec.Nominated
		}
		attempts = append(attempts, tried)
		if tried.Outcome == "bound" {
			bound := pod.DeepCopy()
			bound.Spec.NodeName = tried.Node
			return attempts, d.run(bound)
		}
		d.sched.SchedulingQueue.Delete(pod)
		if err := pods.GetIndexer().Delete(pod); err != nil {
			return nil, err
		}
		if tried.Preemption == nil || tried.Preemption.Nominated == "" {
			return attempts, nil
		}
		for _, victim := range victims {
			if err := d.remove(victim); err != nil {
				return nil, err
			}
		}
		spec.Nominated = tried.Preemption.Nominated
		d.endLesserNominations(spec)
	}
}

// endLesserNominations takes the nominations for a node from pods that a more important one has overtaken there. The
// scheduler asks the API for that; here the answer would never come back.
func (d *decider) endLesserNominations(spec podSpec) {
	for _, waiting := range d.spec.Nominated {
		if waiting.Nominated == spec.Nominated && waiting.Priority < spec.Priority {
			d.sched.SchedulingQueue.DeleteNominatedPodIfExists(waiting.object())
		}
	}
}

// attempt runs one scheduling cycle and puts what was seen into the answer's words.
func (d *decider) attempt(pod *v1.Pod, pick string) (attempt, []*v1.Pod, error) {
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		return attempt{}, nil, err
	}
	now := time.Now()
	d.next = &framework.QueuedPodInfo{PodInfo: info, Timestamp: now, InitialAttemptTimestamp: &now, Attempts: 1}
	seen := &observed{pick: pick}
	d.watch.seen, d.notes.note, d.cycles = seen, "", nil
	d.sched.ScheduleOne(d.ctx)
	if seen.err == nil {
		return d.bound(seen), nil, nil
	}
	tried, err := d.refusedBecause(seen)
	if err != nil {
		return attempt{}, nil, err
	}
	tried.Message = d.notes.note
	var victims []*v1.Pod
	if seen.nominated != "" {
		victims = d.watch.preemptor.chosen(seen.preemption, seen.nominated)
	}
	return tried, victims, nil
}

func (d *decider) bound(seen *observed) attempt {
	tried := attempt{Outcome: "bound", Node: seen.result.SuggestedHost}
	if len(seen.scores) == 0 {
		tried.Feasible = []string{tried.Node}
		tried.Best = tried.Feasible
		return tried
	}
	scores := seen.scores
	sort.Slice(scores, func(i, j int) bool { return d.order[scores[i].Name] < d.order[scores[j].Name] })
	tried.Scores = map[string][]int64{}
	for _, node := range scores {
		tried.Feasible = append(tried.Feasible, node.Name)
		tried.Total = append(tried.Total, node.TotalScore)
		for _, score := range node.Scores {
			tried.Scores[score.Name] = append(tried.Scores[score.Name], score.Score)
		}
	}
	for plugin, values := range tried.Scores {
		if allZero(values) {
			delete(tried.Scores, plugin)
		}
	}
	tried.Best = seen.best()
	return tried
}

func allZero(values []int64) bool {
	for _, value := range values {
		if value != 0 {
			return false
		}
	}
	return true
}

func (d *decider) refusedBecause(seen *observed) (attempt, error) {
	if errors.Is(seen.err, scheduler.ErrNoNodesAvailable) {
		return attempt{Outcome: "unschedulable", Message: seen.err.Error(), Plugins: &[]string{}}, nil
	}
	fit, ok := seen.err.(*framework.FitError)
	if !ok {
		return attempt{}, seen.err
	}
	return d.refused(fit, seen), nil
}

func (d *decider) refused(fit *framework.FitError, seen *observed) attempt {
	plugins := fit.Diagnosis.UnschedulablePlugins.UnsortedList()
	sort.Strings(plugins)
	tried := attempt{
		Outcome: "unschedulable", Message: fit.Error(), PreFilterMessage: fit.Diagnosis.PreFilterMsg,
		Plugins: &plugins, Preemption: seen.preemption, NodeStatus: grouped(fit.Diagnosis.NodeToStatus),
	}
	if fit.Diagnosis.NodeToStatus.Len() < len(d.spec.Nodes) {
		others := statusOf(fit.Diagnosis.NodeToStatus.AbsentNodesStatus())
		tried.OtherNodes = &others
	}
	if seen.preemption != nil && seen.nominated != "" {
		seen.preemption.nominate(seen.nominated)
	}
	return tried
}

func statusOf(s *fwk.Status) status {
	reasons := append([]string{}, s.Reasons()...)
	sort.Strings(reasons)
	return status{Plugin: s.Plugin(), Code: s.Code().String(), Reasons: reasons}
}

// grouped puts nodes that say the same together, both sorted as text.
func grouped(statuses *framework.NodeToStatus) []status {
	groups := map[string]*status{}
	statuses.ForEachExplicitNode(func(node string, s *fwk.Status) {
		said := statusOf(s)
		key := said.Plugin + "|" + said.Code
		for _, reason := range said.Reasons {
			key += "|" + reason
		}
		if groups[key] == nil {
			groups[key] = &said
		}
		groups[key].Nodes = append(groups[key].Nodes, node)
	})
	keys := make([]string, 0, len(groups))
	for key := range groups {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	result := make([]status, 0, len(keys))
	for _, key := range keys {
		sort.Strings(groups[key].Nodes)
		result = append(result, *groups[key])
	}
	return result
}
