package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	testingclock "k8s.io/utils/clock/testing"

	config "sigs.k8s.io/kueue/apis/config/v1beta2"
	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
	qcache "sigs.k8s.io/kueue/pkg/cache/queue"
	schdcache "sigs.k8s.io/kueue/pkg/cache/scheduler"
	"sigs.k8s.io/kueue/pkg/metrics"
	"sigs.k8s.io/kueue/pkg/scheduler"
	"sigs.k8s.io/kueue/pkg/util/expectations"
	"sigs.k8s.io/kueue/pkg/util/roletracker"
	"sigs.k8s.io/kueue/pkg/util/routine"
	utilwait "sigs.k8s.io/kueue/pkg/util/wait"
	"sigs.k8s.io/kueue/pkg/workload"

	_ "unsafe" // for go:linkname
)

// Kueue has no exported way to run exactly one scheduling cycle, to wait for the admissions it writes in the background,
// or to count the members of a heap without copying them. All are reached by the names of its own methods.

//go:linkname runCycle sigs.k8s.io/kueue/pkg/scheduler.(*Scheduler).schedule
func runCycle(s *scheduler.Scheduler, ctx context.Context) utilwait.SpeedSignal

//go:linkname setAdmissionRoutineWrapper sigs.k8s.io/kueue/pkg/scheduler.(*Scheduler).setAdmissionRoutineWrapper
func setAdmissionRoutineWrapper(s *scheduler.Scheduler, wrapper routine.Wrapper)

//go:linkname clusterQueueOf sigs.k8s.io/kueue/pkg/cache/queue.(*Manager).getClusterQueue
func clusterQueueOf(m *qcache.Manager, name kueue.ClusterQueueReference) *qcache.ClusterQueue

type inline struct{}

func (inline) Run(f func()) { f() }

type requeuer interface{ ProcessRequeues(context.Context) int }

// engine is Kueue's scheduler, queues and caches in this process.
type engine struct {
	ctx       context.Context
	log       logr.Logger
	clock     *testingclock.FakeClock
	memory    *memory
	cache     *schdcache.Cache
	queues    *qcache.Manager
	requeuer  requeuer
	scheduler *scheduler.Scheduler
	expected  *expectations.Store
	names     []kueue.ClusterQueueReference
	heaps     []*qcache.ClusterQueue
}

func newEngine(given *scenario) (*engine, error) {
	e := &engine{
		ctx:      logr.NewContext(context.Background(), logr.Discard()),
		log:      logr.Discard(),
		clock:    testingclock.NewFakeClock(epoch),
		memory:   &memory{workloads: make(map[string]*kueue.Workload)},
		expected: expectations.NewStore("preemption"),
	}
	labels := metrics.NewCustomLabels(nil)
	tracker := roletracker.NewFakeRoleTracker(roletracker.RoleStandalone)
	e.cache = schdcache.New(
		e.memory, schdcache.WithFairSharing(given.FairSharing.Enabled), schdcache.WithCustomLabels(labels),
		schdcache.WithRoleTracker(tracker),
	)
	manager, requeuer := qcache.NewManagerForUnitTestsWithRequeuer(
		e.memory, e.cache, qcache.WithClock(e.clock), qcache.WithPreemptionExpectations(e.expected),
		qcache.WithCustomLabels(labels), qcache.WithRoleTracker(tracker),
	)
	e.queues, e.requeuer = manager, requeuer
	options := []scheduler.Option{
		scheduler.WithClock(nil, e.clock), scheduler.WithPreemptionExpectations(e.expected),
		scheduler.WithCustomLabels(labels), scheduler.WithRoleTracker(tracker),
	}
	if given.FairSharing.Enabled {
		sharing := &config.FairSharing{}
		for _, each := range given.FairSharing.PreemptionStrategies {
			sharing.PreemptionStrategies = append(sharing.PreemptionStrategies, config.PreemptionStrategy(each))
		}
		options = append(options, scheduler.WithFairSharing(sharing))
	}
	e.scheduler = scheduler.New(e.queues, e.cache, e.memory, silent{}, options...)
	setAdmissionRoutineWrapper(e.scheduler, inline{})
	return e, e.fill(given)
}

func (e *engine) fill(given *scenario) error {
	for _, each := range given.Topologies {
		e.cache.AddOrUpdateTopology(e.log, kueueTopology(each))
	}
	for _, each := range given.Flavors {
		e.cache.AddOrUpdateResourceFlavor(e.log, kueueFlavor(each))
	}
	for _, each := range given.Nodes {
		e.cache.TASCache().SyncNode(kubeNode(each))
	}
	for _, each := range given.Cohorts {
		made := kueueCohort(each)
		if err := e.cache.AddOrUpdateCohort(made); err != nil {
			return err
		}
		e.queues.AddOrUpdateCohort(e.ctx, made)
	}
	for _, each := range given.ClusterQueues {
		made, local := kueueClusterQueue(each), kueueLocalQueue(each)
		if err := e.cache.AddClusterQueue(e.ctx, made); err != nil {
			return err
		}
		if err := e.queues.AddClusterQueue(e.ctx, made); err != nil {
			return err
		}
		if err := e.cache.AddLocalQueue(local); err != nil {
			return err
		}
		if err := e.queues.AddLocalQueue(e.ctx, local); err != nil {
			return err
		}
		e.names = append(e.names, kueue.ClusterQueueReference(each.Name))
	}
	for _, name := range e.names {
		if !e.cache.ClusterQueueActive(name) {
			return fmt.Errorf("ClusterQueue %s is not active", name)
		}
		e.heaps = append(e.heaps, clusterQueueOf(e.queues, name))
	}
	e.requeuer.ProcessRequeues(e.ctx) // nothing is queued yet: drops the notifications of the set-up
	return nil
}

func (e *engine) key(name string) workload.Reference {
	return workload.NewReference(namespace, name)
}

// arrive puts a workload as it first came into its queue.
func (e *engine) arrive(object *kueue.Workload) error {
	e.memory.workloads[object.Name] = object
	return e.queues.AddOrUpdateWorkload(e.log, object.DeepCopy())
}

// leave takes a workload's usage out of the cache.
func (e *engine) leave(name string) error {
	return e.cache.DeleteWorkload(e.log, e.key(name))
}

func (e *engine) dequeue(name string) {
	e.queues.DeleteWorkload(e.log, e.key(name))
}

// markEvicted shows the cache that a running workload is being evicted.
func (e *engine) markEvicted(object *kueue.Workload) {
	e.memory.workloads[object.Name] = object
	e.cache.AddOrUpdateWorkload(e.log, object.DeepCopy())
	e.expected.ObservedUID(e.log, types.NamespacedName{Namespace: namespace, Name: object.Name}, object.UID)
}

// wake gives the inadmissible workloads of the trees of these queues another chance.
func (e *engine) wake(names ...kueue.ClusterQueueReference) {
	qcache.NotifyRetryInadmissible(e.queues, sets.New(names...))
	e.requeuer.ProcessRequeues(e.ctx)
}

// active is the number of workloads in heaps. Within a cycle heaps only lose members, so that an equal number means
// equal sets.
func (e *engine) active() int {
	total := 0
	for _, each := range e.heaps {
		active, _ := each.Pending()
		total += active
	}
	return total
}

func (e *engine) cycle(now time.Time) []*kueue.Workload {
	e.clock.SetTime(now)
	runCycle(e.scheduler, e.ctx)
	return e.memory.taken()
}

// withStatus is the stored object with a patch applied.
func (e *engine) withStatus(patch *kueue.Workload) *kueue.Workload {
	object := e.memory.workloads[patch.Name].DeepCopy()
	patch.Status.DeepCopyInto(&object.Status)
	return object
}

func condition(object *kueue.Workload, kind string) (reason, message string, on bool) {
	found := apimeta.FindStatusCondition(object.Status.Conditions, kind)
	if found == nil {
		return "", "", false
	}
	return found.Reason, found.Message, found.Status == "True"
}
