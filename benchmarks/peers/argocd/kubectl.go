package main

import (
	"context"
	"fmt"

	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/openapi"
)

// kubectl is the library's own but for server-side apply, which this version sends without a field manager, and tries on
// the server before the namespaces are there. Later ones do what stands here: they name Argo CD's manager, force, and
// only read what they are to apply before they begin.
type kubectl struct{ kube.Kubectl }

type operations struct {
	kube.ResourceOperations
	config *rest.Config
}

func (k kubectl) ManageResources(config *rest.Config, schema openapi.Resources) (kube.ResourceOperations, func(), error) {
	inner, cleanup, err := k.Kubectl.ManageResources(config, schema)
	if err != nil {
		return nil, nil, err
	}
	return operations{inner, config}, cleanup, nil
}

func (o operations) ApplyResource(
	ctx context.Context, item *unstructured.Unstructured, strategy util.DryRunStrategy, force, validate, serverSide bool,
) (string, error) {
	if !serverSide || strategy != util.DryRunNone {
		return o.ResourceOperations.ApplyResource(ctx, item, offline(strategy), force, validate, false)
	}
	known, err := discovery.NewDiscoveryClientForConfig(o.config)
	if err != nil {
		return "", err
	}
	resource, err := kube.ServerResourceForGroupVersionKind(known, item.GroupVersionKind())
	if err != nil {
		return "", err
	}
	clients, err := dynamic.NewForConfig(o.config)
	if err != nil {
		return "", err
	}
	body, err := item.MarshalJSON()
	if err != nil {
		return "", err
	}
	yes := true
	options := metav1.PatchOptions{FieldManager: manager, Force: &yes}
	named := item.GroupVersionKind().GroupVersion().WithResource(resource.Name)
	client := kube.ToResourceInterface(clients, resource, named, item.GetNamespace())
	if _, err = client.Patch(ctx, item.GetName(), types.ApplyPatchType, body, options); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%s serverside-applied", resource.Name, item.GetName()), nil
}

func offline(strategy util.DryRunStrategy) util.DryRunStrategy {
	if strategy == util.DryRunServer {
		return util.DryRunClient
	}
	return strategy
}
