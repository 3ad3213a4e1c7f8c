package main

import (
	"container/heap"
	"fmt"
	"regexp"
	"slices"
	"time"

	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
	"sigs.k8s.io/kueue/pkg/util/tas"
)

// Kinds of events in the order in which they are handled at one instant.
const (
	earlyWake = iota
	finish
	release
	arrive
	wake
)

type event struct {
	t          int64
	kind       int
	index      int // of the workload; of a queue of the tree for wake-ups
	generation int
}

type timeline []event

func (t timeline) Len() int      { return len(t) }
func (t timeline) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timeline) Less(i, j int) bool {
	a, b := t[i], t[j]
	if a.t != b.t {
		return a.t < b.t
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.index < b.index
}
func (t *timeline) Push(x any) { *t = append(*t, x.(event)) }
func (t *timeline) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

type life struct {
	generation   int // of its admission: an eviction cancels the finish
	everAdmitted bool
	running      bool
	finished     bool
	arrived      bool
	message      string
}

// environment is the world around the engine: arrivals, finishes, evictions, wake-ups, cycles under a virtual clock.
type environment struct {
	given  *scenario
	unit   time.Duration
	engine *engine
	events timeline
	lives  []life
	index  map[string]int // workload name
	byUID  map[string]string
	queues map[string]int
	trees  []int // tree of each queue: the number of its first queue
	timers map[int]bool
	cycles int
	answer answer
}

func run(given *scenario, unit time.Duration) (*answer, error) {
	engine, err := newEngine(given)
	if err != nil {
		return nil, err
	}
	w := &environment{
		given: given, unit: unit, engine: engine, lives: make([]life, len(given.Workloads)),
		queues: make(map[string]int), index: make(map[string]int), byUID: make(map[string]string), timers: make(map[int]bool),
		answer: answer{ID: given.ID, Decisions: []decision{}, Pending: []stillPending{}, PendingLog: []messageChange{}},
	}
	w.trees = treesOf(given)
	for index, each := range given.ClusterQueues {
		w.queues[each.Name] = index
	}
	for index, each := range given.Workloads {
		w.index[each.Name], w.byUID[each.UID] = index, each.Name
		at := each.CreatedAt
		if each.QueuedAt != nil {
			at = *each.QueuedAt
		}
		w.push(event{t: at, kind: arrive, index: index})
	}
	for len(w.events) > 0 && !w.answer.Stats.Livelock {
		if err := w.instant(); err != nil {
			return nil, err
		}
	}
	w.close()
	return &w.answer, nil
}

// treesOf names the tree of each queue by the first queue in it.
func treesOf(given *scenario) []int {
	parents := make(map[string]string)
	for _, each := range given.Cohorts {
		parents[each.Name] = each.Parent
	}
	first := make(map[string]int)
	trees := make([]int, len(given.ClusterQueues))
	for index, each := range given.ClusterQueues {
		if given.Env.SharedWakeup {
			continue
		}
		trees[index] = index
		if each.Cohort == "" {
			continue
		}
		root := each.Cohort
		for parents[root] != "" {
			root = parents[root]
		}
		if _, known := first[root]; !known {
			first[root] = index
		}
		trees[index] = first[root]
	}
	return trees
}

func (w *environment) push(e event)           { heap.Push(&w.events, e) }
func (w *environment) time(t int64) time.Time { return epoch.Add(time.Duration(t) * w.unit) }

func (w *environment) instant() error {
	now := w.events[0].t
	w.engine.clock.SetTime(w.time(now))
	for len(w.events) > 0 && w.events[0].t == now {
		next := heap.Pop(&w.events).(event)
		var err error
		switch next.kind {
		case finish:
			err = w.finish(now, next)
		case release:
			err = w.release(now, next.index)
		case arrive:
			err = w.arrive(next.index)
		default:
			w.wake(next.index)
		}
		if err != nil {
			return err
		}
	}
	return w.runCycles(now)
}

func (w *environment) arrive(index int) error {
	spec := w.given.Workloads[index]
	w.lives[index].arrived = true
	return w.engine.arrive(kueueWorkload(spec, w.time(spec.CreatedAt)))
}

func (w *environment) finish(now int64, e event) error {
	this := &w.lives[e.index]
	if !this.running || this.generation != e.generation {
		return nil
	}
	spec := w.given.Workloads[e.index]
	this.running, this.finished = false, true
	if err := w.engine.leave(spec.Name); err != nil {
		return err
	}
	w.engine.dequeue(spec.Name)
	delete(w.engine.memory.workloads, spec.Name)
	w.decide(decision{T: now, Cycle: w.cycles, Event: "finish", Workload: spec.Name, ClusterQueue: spec.ClusterQueue})
	w.answer.Stats.Finished++
	w.answer.Stats.Makespan = now
	w.notify(now, e.index)
	return nil
}

func (w *environment) release(now int64, index int) error {
	this := &w.lives[index]
	this.running, this.message = false, ""
	if err := w.engine.leave(w.given.Workloads[index].Name); err != nil {
		return err
	}
	if err := w.arrive(index); err != nil {
		return err
	}
	w.notify(now, index)
	return nil
}

// notify starts the timer of a workload's tree unless it runs.
func (w *environment) notify(now int64, index int) {
	tree := 0
	if !w.given.Env.SharedWakeup {
		tree = w.trees[w.queues[w.given.Workloads[index].ClusterQueue]]
	}
	if w.timers[tree] {
		return
	}
	w.timers[tree] = true
	kind := wake
	if w.given.Env.WakeupsFirst {
		kind = earlyWake
	}
	w.push(event{t: now + w.given.Env.WakeupDelay, kind: kind, index: tree})
}

func (w *environment) wake(tree int) {
	delete(w.timers, tree)
	if w.given.Env.SharedWakeup {
		w.engine.wake(w.engine.names...)
		return
	}
	w.engine.wake(w.engine.names[tree])
}

func (w *environment) runCycles(now int64) error {
	env := w.given.Env
	idle, inInstant := 0, 0
	before := w.engine.active()
	for before > 0 && idle < max(env.IdleCycles, 1) {
		w.cycles++
		inInstant++
		changed, err := w.apply(now, w.engine.cycle(w.time(now)))
		if err != nil {
			return err
		}
		after := w.engine.active()
		if changed || after != before {
			idle = 0
		} else {
			idle++
		}
		before = after
		if inInstant == env.MaxCyclesPerInstant || w.cycles == env.MaxCyclesTotal {
			w.answer.Stats.Livelock = true
			return nil
		}
	}
	return nil
}

// apply carries out what a cycle wrote: admissions, then evictions, each by workload index.
func (w *environment) apply(now int64, patches []*kueue.Workload) (bool, error) {
	slices.SortFunc(patches, func(a, b *kueue.Workload) int { return w.index[a.Name] - w.index[b.Name] })
	var admitted, evicted []*kueue.Workload
	for _, patch := range patches {
		if _, _, on := condition(patch, kueue.WorkloadEvicted); on {
			evicted = append(evicted, patch)
		} else if patch.Status.Admission != nil {
			admitted = append(admitted, patch)
		} else {
			w.note(now, patch)
		}
	}
	for _, patch := range admitted {
		w.admit(now, patch)
	}
	for _, patch := range evicted {
		if err := w.evict(now, patch); err != nil {
			return false, err
		}
	}
	return len(admitted)+len(evicted) > 0, nil
}

func (w *environment) note(now int64, patch *kueue.Workload) {
	_, message, _ := condition(patch, kueue.WorkloadQuotaReserved)
	this := &w.lives[w.index[patch.Name]]
	if this.message != message {
		this.message = message
		change := messageChange{T: now, Cycle: w.cycles, Workload: patch.Name, Message: message}
		w.answer.PendingLog = append(w.answer.PendingLog, change)
	}
}

func (w *environment) admit(now int64, patch *kueue.Workload) {
	index := w.index[patch.Name]
	spec, this := w.given.Workloads[index], &w.lives[index]
	this.generation++
	this.everAdmitted, this.running, this.message = true, true, ""
	w.engine.memory.workloads[patch.Name] = w.engine.withStatus(patch)
	w.engine.dequeue(patch.Name)
	w.decide(decision{
		T: now, Cycle: w.cycles, Event: "admit", Workload: spec.Name, ClusterQueue: spec.ClusterQueue,
		PodSets: podSetAnswers(patch.Status.Admission),
	})
	w.answer.Stats.Admissions++
	w.push(event{t: now + spec.Runtime, kind: finish, index: index, generation: this.generation})
}

var preemptorUID = regexp.MustCompile(`\(UID: ([^,]+),`)

func (w *environment) evict(now int64, patch *kueue.Workload) error {
	index := w.index[patch.Name]
	spec, this := w.given.Workloads[index], &w.lives[index]
	this.generation++
	reason, message, _ := condition(patch, kueue.WorkloadPreempted)
	found := preemptorUID.FindStringSubmatch(message)
	if found == nil {
		return fmt.Errorf("no preemptor in %q", message)
	}
	w.decide(decision{
		T: now, Cycle: w.cycles, Event: "evict", Workload: spec.Name, ClusterQueue: spec.ClusterQueue,
		Reason: reason, Preemptor: w.byUID[found[1]],
	})
	w.answer.Stats.Evictions++
	if latency := w.given.Env.EvictionLatency; latency > 0 {
		w.engine.markEvicted(w.engine.withStatus(patch))
		w.push(event{t: now + latency, kind: release, index: index})
		return nil
	}
	return w.release(now, index)
}

func (w *environment) decide(d decision) { w.answer.Decisions = append(w.answer.Decisions, d) }

func podSetAnswers(admission *kueue.Admission) []podSetAnswer {
	var answers []podSetAnswer
	for _, each := range admission.PodSetAssignments {
		made := podSetAnswer{Name: string(each.Name), Flavors: make(map[string]string)}
		if each.Count != nil {
			made.Count = *each.Count
		}
		for name, flavor := range each.Flavors {
			made.Flavors[string(name)] = string(flavor)
		}
		if each.TopologyAssignment != nil {
			assigned := tas.InternalFrom(each.TopologyAssignment)
			made.Levels = assigned.Levels
			for _, place := range assigned.Domains {
				made.Domains = append(made.Domains, domain{Values: place.Values, Count: place.Count})
			}
		}
		answers = append(answers, made)
	}
	return answers
}

func (w *environment) close() {
	queues := make(map[string]string)
	for _, members := range w.engine.queues.Dump() {
		for _, each := range members {
			queues[string(each)] = "active"
		}
	}
	for _, members := range w.engine.queues.DumpInadmissible() {
		for _, each := range members {
			queues[string(each)] = "inadmissible"
		}
	}
	for index, each := range w.given.Workloads {
		this := w.lives[index]
		if this.running || this.finished {
			continue
		}
		place := queues[string(w.engine.key(each.Name))]
		if place == "" {
			place = "none"
		}
		w.answer.Pending = append(w.answer.Pending, stillPending{
			Workload: each.Name, ClusterQueue: each.ClusterQueue, EverAdmitted: this.everAdmitted, Queue: place,
			Message: this.message,
		})
	}
	w.answer.Stats.Pending = len(w.answer.Pending)
	w.answer.Stats.Cycles = w.cycles
}
