package main

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	schedulingapi "k8s.io/api/scheduling/v1alpha2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// gangAnswer is what happened to one gang: each pod's own cycle, in the order they were tried, and who stays.
type gangAnswer struct {
	Gang   string         `json:"gang"`
	Placed bool           `json:"placed"`
	Tried  []memberAnswer `json:"tried"`
}

type memberAnswer struct {
	Pod   string `json:"pod"`
	Bound bool   `json:"bound"`
	attempt
}

type gangsDecided struct {
	ID    string       `json:"id"`
	Gangs []gangAnswer `json:"gangs,omitempty"`
	Error string       `json:"error,omitempty"`
}

func (g gangSpec) object() *schedulingapi.PodGroup {
	policy := schedulingapi.PodGroupSchedulingPolicy{Gang: &schedulingapi.GangSchedulingPolicy{MinCount: g.MinCount}}
	return &schedulingapi.PodGroup{
		ObjectMeta: metav1.ObjectMeta{Name: g.Name, Namespace: "default", UID: types.UID("gang/" + g.Name)},
		Spec:       schedulingapi.PodGroupSpec{SchedulingPolicy: policy},
	}
}

// decideGangs runs one pod group cycle for each gang of the scenario, one after the other; what is not bound is
// withdrawn before the next.
func decideGangs(s *scenario) ([]gangAnswer, error) {
	d, err := newDecider(s)
	if err != nil {
		return nil, err
	}
	defer d.cancel()
	// The queue hands out the members here: the scheduler takes the others of the group from it by itself.
	d.sched.NextPod = d.sched.SchedulingQueue.Pop
	specs := map[string]podSpec{}
	for i, spec := range s.Pods {
		spec.Start = firstStart + int64(i)
		specs[spec.Name] = spec
	}
	answers := []gangAnswer{}
	for _, gang := range s.Gangs {
		pods := []*v1.Pod{}
		for _, name := range gang.Pods {
			spec := specs[name]
			spec.Gang = gang.Name
			pods = append(pods, spec.object())
		}
		result, err := d.gang(gang, pods)
		if err != nil {
			return nil, fmt.Errorf("%s, gang %s: %w", s.ID, gang.Name, err)
		}
		answers = append(answers, result)
	}
	return answers, nil
}

func (d *decider) gang(gang gangSpec, pods []*v1.Pod) (gangAnswer, error) {
	result := gangAnswer{Gang: gang.Name}
	if err := store(d.informers.Scheduling().V1alpha2().PodGroups().Informer(), gang.object()); err != nil {
		return result, err
	}
	for _, pod := range pods {
		if err := store(d.informers.Core().V1().Pods().Informer(), pod); err != nil {
			return result, err
		}
		d.sched.Cache.AddPodGroupMember(pod)
	}
	for _, pod := range pods {
		d.sched.SchedulingQueue.Add(d.ctx, pod)
	}
	d.watch.seen, d.cycles = &observed{}, nil
	d.sched.ScheduleOne(d.ctx)
	for _, cycle := range d.cycles {
		member, err := d.member(cycle)
		if err != nil {
			return result, err
		}
		result.Tried = append(result.Tried, member)
	}
	return result, d.settle(pods, &result)
}

func (d *decider) member(cycle *observed) (memberAnswer, error) {
	if cycle.err == nil {
		return memberAnswer{Pod: cycle.pod, attempt: d.bound(cycle)}, nil
	}
	refused, err := d.refusedBecause(cycle)
	return memberAnswer{Pod: cycle.pod, attempt: refused}, err
}

// settle lets the bound members run and withdraws the others.
func (d *decider) settle(pods []*v1.Pod, result *gangAnswer) error {
	for _, pod := range pods {
		assumed, err := d.sched.Cache.IsAssumedPod(pod)
		if err != nil {
			return err
		}
		d.sched.SchedulingQueue.Delete(pod)
		d.sched.Cache.RemovePodGroupMember(pod)
		if !assumed {
			if err := d.informers.Core().V1().Pods().Informer().GetIndexer().Delete(pod); err != nil {
				return err
			}
			continue
		}
		result.Placed = true
		held, err := d.sched.Cache.GetPod(pod)
		if err != nil {
			return err
		}
		for i := range result.Tried {
			result.Tried[i].Bound = result.Tried[i].Bound || result.Tried[i].Pod == pod.Name
		}
		if err := d.run(held.DeepCopy()); err != nil {
			return err
		}
	}
	return nil
}

func decideGangsOne(s *scenario) any {
	answers, err := decideGangs(s)
	if err != nil {
		return gangsDecided{ID: s.ID, Error: err.Error()}
	}
	return gangsDecided{ID: s.ID, Gangs: answers}
}
