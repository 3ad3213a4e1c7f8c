package main

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// claimSettleTime is how long the scheduler's own cache of claims may take to hear of them.
const claimSettleTime = 200 * time.Millisecond

// cluster is one scheduler with what it knows about nodes and pods. Writes to the API are accepted and dropped;
// what follows from them is fed back by whoever drives the scheduler, so that nothing happens in between.
type cluster struct {
	ctx       context.Context
	cancel    context.CancelFunc
	logger    klog.Logger
	client    *fake.Clientset
	informers informers.SharedInformerFactory
	sched     *scheduler.Scheduler
}

// acceptAll answers every write as done.
func acceptAll(action clienttesting.Action) (bool, runtime.Object, error) {
	switch action.GetVerb() {
	case "list", "watch", "get":
		return false, nil, nil
	}
	return true, nil, nil
}

// newCluster builds a scheduler with the default profile.
//
// The informers are not started: objects are put into their stores and into the scheduler's cache directly, which is
// what the event handlers would do.
func newCluster(recorders profile.RecorderFactory, objects []runtime.Object, opts ...scheduler.Option) (*cluster, error) {
	logger := klog.Background()
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logger))
	client := fake.NewClientset(objects...)
	client.PrependReactor("*", "*", acceptAll)
	factory := informers.NewSharedInformerFactory(client, 0)
	sched, err := scheduler.New(ctx, client, factory, nil, recorders, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &cluster{ctx, cancel, logger, client, factory, sched}, nil
}

func store(informer cache.SharedIndexInformer, object any) error {
	return informer.GetIndexer().Add(object)
}

// load puts everything that is there before the first pod into the scheduler's view.
func (c *cluster) load(s *scenario) error {
	for _, namespace := range s.namespaceObjects() {
		if err := store(c.informers.Core().V1().Namespaces().Informer(), namespace); err != nil {
			return err
		}
	}
	for _, budget := range s.Budgets {
		if err := store(c.informers.Policy().V1().PodDisruptionBudgets().Informer(), budget.object()); err != nil {
			return err
		}
	}
	for _, class := range s.Immediate {
		if err := store(c.informers.Storage().V1().StorageClasses().Informer(), immediateClass(class)); err != nil {
			return err
		}
	}
	for _, node := range s.Nodes {
		object := node.object()
		c.sched.Cache.AddNode(c.logger, object)
		if err := store(c.informers.Core().V1().Nodes().Informer(), object); err != nil {
			return err
		}
	}
	for _, spec := range s.Existing {
		if err := c.run(spec.object()); err != nil {
			return err
		}
	}
	for _, spec := range s.Nominated {
		// A nominated pod is known to the filters only while it is in the queue; nothing ever pops it from there.
		pod := spec.object()
		if err := store(c.informers.Core().V1().Pods().Informer(), pod); err != nil {
			return err
		}
		c.sched.SchedulingQueue.Add(c.ctx, pod)
	}
	return c.watchClaims(s)
}

// watchClaims runs the informer of claims: the volume binder keeps its own cache, which only hears of events.
func (c *cluster) watchClaims(s *scenario) error {
	if len(s.Claims) == 0 {
		return nil
	}
	informer := c.informers.Core().V1().PersistentVolumeClaims().Informer()
	go informer.RunWithContext(c.ctx)
	if !cache.WaitForCacheSync(c.ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("the claims of %s were not listed", s.ID)
	}
	time.Sleep(claimSettleTime)
	return nil
}

// run lets a pod with a node be seen as running.
func (c *cluster) run(pod *v1.Pod) error {
	if err := c.sched.Cache.AddPod(c.logger, pod); err != nil {
		return err
	}
	return store(c.informers.Core().V1().Pods().Informer(), pod)
}

// remove lets a running pod be gone.
func (c *cluster) remove(pod *v1.Pod) error {
	if err := c.sched.Cache.RemovePod(c.logger, pod); err != nil {
		return err
	}
	return c.informers.Core().V1().Pods().Informer().GetIndexer().Delete(pod)
}

// silent drops events.
func silent(string) events.EventRecorderLogger { return &recorder{} }

// recorder keeps the note of the last FailedScheduling event.
type recorder struct{ note string }

func (r *recorder) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	if reason != "FailedScheduling" {
		return
	}
	r.note = note
	if len(args) > 0 {
		r.note = fmt.Sprintf(note, args...)
	}
}

func (r *recorder) WithLogger(klog.Logger) events.EventRecorderLogger { return r }
