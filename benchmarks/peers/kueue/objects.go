package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
)

const namespace = "default"

// epoch is time 0 of every scenario.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func quantity(name string, amount int64) resource.Quantity {
	switch name {
	case "cpu":
		return *resource.NewMilliQuantity(amount, resource.DecimalSI)
	case "memory":
		return *resource.NewQuantity(amount<<20, resource.BinarySI)
	default:
		return *resource.NewQuantity(amount, resource.DecimalSI)
	}
}

func resourceList(amounts map[string]int64) corev1.ResourceList {
	list := make(corev1.ResourceList, len(amounts))
	for name, amount := range amounts {
		list[corev1.ResourceName(name)] = quantity(name, amount)
	}
	return list
}

func limit(name string, amount *int64) *resource.Quantity {
	if amount == nil {
		return nil
	}
	return new(quantity(name, *amount))
}

func kueueGroups(groups []resourceGroup) []kueue.ResourceGroup {
	result := make([]kueue.ResourceGroup, 0, len(groups))
	for _, group := range groups {
		made := kueue.ResourceGroup{}
		for _, name := range group.CoveredResources {
			made.CoveredResources = append(made.CoveredResources, corev1.ResourceName(name))
		}
		for _, each := range group.Flavors {
			quotas := kueue.FlavorQuotas{Name: kueue.ResourceFlavorReference(each.Flavor)}
			for _, name := range group.CoveredResources {
				given, found := each.Resources[name]
				if !found {
					continue
				}
				quotas.Resources = append(quotas.Resources, kueue.ResourceQuota{
					Name:           corev1.ResourceName(name),
					NominalQuota:   quantity(name, given.Nominal),
					BorrowingLimit: limit(name, given.BorrowingLimit),
					LendingLimit:   limit(name, given.LendingLimit),
				})
			}
			made.Flavors = append(made.Flavors, quotas)
		}
		result = append(result, made)
	}
	return result
}

// fairWeight keeps weights exact: they are multiples of 0.001.
func fairWeight(weight *float64) *kueue.FairSharing {
	value := 1.0
	if weight != nil {
		value = *weight
	}
	return &kueue.FairSharing{Weight: resource.NewMilliQuantity(int64(value*1000+0.5), resource.DecimalSI)}
}

func or[T ~string](text string, otherwise T) T {
	if text == "" {
		return otherwise
	}
	return T(text)
}

func kueueClusterQueue(spec clusterQueue) *kueue.ClusterQueue {
	made := &kueue.ClusterQueue{ObjectMeta: metav1.ObjectMeta{Name: spec.Name}}
	made.Spec = kueue.ClusterQueueSpec{
		CohortName:        kueue.CohortReference(spec.Cohort),
		NamespaceSelector: &metav1.LabelSelector{},
		QueueingStrategy:  or(spec.QueueingStrategy, kueue.BestEffortFIFO),
		ResourceGroups:    kueueGroups(spec.ResourceGroups),
		FairSharing:       fairWeight(spec.FairWeight),
		Preemption: &kueue.ClusterQueuePreemption{
			WithinClusterQueue:  or(spec.Preemption.WithinClusterQueue, kueue.PreemptionPolicyNever),
			ReclaimWithinCohort: or(spec.Preemption.ReclaimWithinCohort, kueue.PreemptionPolicyNever),
		},
		FlavorFungibility: &kueue.FlavorFungibility{
			WhenCanBorrow:  or(spec.FlavorFungibility.WhenCanBorrow, kueue.MayStopSearch),
			WhenCanPreempt: or(spec.FlavorFungibility.WhenCanPreempt, kueue.TryNextFlavor),
		},
	}
	if borrow := spec.Preemption.BorrowWithinCohort; borrow != nil {
		made.Spec.Preemption.BorrowWithinCohort = &kueue.BorrowWithinCohort{
			Policy:               kueue.BorrowWithinCohortPolicy(borrow.Policy),
			MaxPriorityThreshold: borrow.MaxPriorityThreshold,
		}
	}
	if preference := spec.FlavorFungibility.Preference; preference != "" {
		made.Spec.FlavorFungibility.Preference = new(kueue.FlavorFungibilityPreference(preference))
	}
	made.Status.Conditions = []metav1.Condition{{Type: kueue.ClusterQueueActive, Status: metav1.ConditionTrue}}
	return made
}

func kueueLocalQueue(spec clusterQueue) *kueue.LocalQueue {
	return &kueue.LocalQueue{
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name, Namespace: namespace},
		Spec:       kueue.LocalQueueSpec{ClusterQueue: kueue.ClusterQueueReference(spec.Name)},
	}
}

func kueueCohort(spec cohort) *kueue.Cohort {
	return &kueue.Cohort{
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name},
		Spec: kueue.CohortSpec{
			ParentName:     kueue.CohortReference(spec.Parent),
			ResourceGroups: kueueGroups(spec.ResourceGroups),
			FairSharing:    fairWeight(spec.FairWeight),
		},
	}
}

func kubeTaints(given []taint) []corev1.Taint {
	var made []corev1.Taint
	for _, each := range given {
		made = append(made, corev1.Taint{Key: each.Key, Value: each.Value, Effect: corev1.TaintEffect(each.Effect)})
	}
	return made
}

func kubeTolerations(given []toleration) []corev1.Toleration {
	var made []corev1.Toleration
	for _, each := range given {
		made = append(made, corev1.Toleration{
			Key:      each.Key,
			Operator: corev1.TolerationOperator(each.Operator),
			Value:    each.Value,
			Effect:   corev1.TaintEffect(each.Effect),
		})
	}
	return made
}

func kueueFlavor(spec flavor) *kueue.ResourceFlavor {
	made := &kueue.ResourceFlavor{ObjectMeta: metav1.ObjectMeta{Name: spec.Name}}
	made.Spec.NodeLabels = spec.NodeLabels
	made.Spec.NodeTaints = kubeTaints(spec.Taints)
	made.Spec.Tolerations = kubeTolerations(spec.Tolerations)
	if spec.Topology != "" {
		made.Spec.TopologyName = new(kueue.TopologyReference(spec.Topology))
	}
	return made
}

func kueueTopology(spec topology) *kueue.Topology {
	made := &kueue.Topology{ObjectMeta: metav1.ObjectMeta{Name: spec.Name}}
	for _, label := range spec.Levels {
		made.Spec.Levels = append(made.Spec.Levels, kueue.TopologyLevel{NodeLabel: label})
	}
	return made
}

func kubeNode(spec node) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name, Labels: spec.Labels},
		Spec:       corev1.NodeSpec{Taints: kubeTaints(spec.Taints)},
		Status: corev1.NodeStatus{
			Allocatable: resourceList(spec.Allocatable),
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

func requiredAffinity(terms [][]requirement) *corev1.Affinity {
	if len(terms) == 0 {
		return nil
	}
	selector := &corev1.NodeSelector{}
	for _, term := range terms {
		made := corev1.NodeSelectorTerm{}
		for _, each := range term {
			made.MatchExpressions = append(made.MatchExpressions, corev1.NodeSelectorRequirement{
				Key: each.Key, Operator: corev1.NodeSelectorOperator(each.Operator), Values: each.Values,
			})
		}
		selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, made)
	}
	return &corev1.Affinity{
		NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: selector},
	}
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func kueueTopologyRequest(given *topologyRequest) *kueue.PodSetTopologyRequest {
	if given == nil {
		return nil
	}
	made := &kueue.PodSetTopologyRequest{
		Required:                    optional(given.Required),
		Preferred:                   optional(given.Preferred),
		PodSetGroupName:             optional(given.Group),
		PodSetSliceRequiredTopology: optional(given.SliceLevel),
		PodSetSliceSize:             given.SliceSize,
	}
	if given.Unconstrained {
		made.Unconstrained = new(true)
	}
	return made
}

func kueuePodSet(spec podSet) kueue.PodSet {
	return kueue.PodSet{
		Name:            kueue.PodSetReference(spec.Name),
		Count:           spec.Count,
		MinCount:        spec.MinCount,
		TopologyRequest: kueueTopologyRequest(spec.TopologyRequest),
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			NodeSelector:  spec.NodeSelector,
			Affinity:      requiredAffinity(spec.RequiredAffinity),
			Tolerations:   kubeTolerations(spec.Tolerations),
			Containers: []corev1.Container{{
				Name:      "c",
				Resources: corev1.ResourceRequirements{Requests: resourceList(spec.Requests)},
			}},
		}},
	}
}

// kueueWorkload is a workload as it first came; created is its queue-order timestamp.
func kueueWorkload(spec workloadSpec, created time.Time) *kueue.Workload {
	made := &kueue.Workload{
		ObjectMeta: metav1.ObjectMeta{
			Name:              spec.Name,
			Namespace:         namespace,
			UID:               types.UID(spec.UID),
			CreationTimestamp: metav1.NewTime(created),
			Generation:        1,
		},
		Spec: kueue.WorkloadSpec{
			QueueName: kueue.LocalQueueName(spec.ClusterQueue),
			Priority:  new(spec.Priority),
			Active:    new(true),
		},
	}
	for _, each := range spec.PodSets {
		made.Spec.PodSets = append(made.Spec.PodSets, kueuePodSet(each))
	}
	return made
}
