/**
 * The documents of the answering commands, as far as the portal reads them: what `allot <command> -o json` prints.
 * Amounts of CPU are milli-CPU, of memory bytes; device time is device-milliseconds, money millionths per hour.
 */

export interface WasteGroup {
  readonly name: string
  readonly gpuMs: number
  readonly share: number
  readonly wastedGpuMs: number
  readonly cost: number | null
}

export interface WasteEntry {
  readonly cause: string
  readonly gpuMs: number
  readonly cost: number | null
  readonly cluster: string
  readonly node: string
  readonly resource: string
  readonly model: string
  readonly team: string
  readonly namespace: string
  readonly person: string
  readonly object: string
  readonly queue: string
}

export interface IdleMarked {
  readonly object: string
  readonly job: string
  readonly rule: string
  readonly wouldHave: string
  readonly at: string
  readonly heldGpuMsSince: number
  readonly busyGpuMsSince: number
}

/** Of a moment: each device is there for one hour. */
export interface Waste {
  readonly moment: boolean
  readonly since: string
  readonly until: string
  /** Of the time that was asked for, what lies before all that was recorded. */
  readonly missingMs: number
  readonly capacityGpuMs: number
  readonly currency: string | null
  readonly cost: number | null
  readonly groups: readonly WasteGroup[]
  readonly causes: readonly WasteGroup[]
  readonly entries: readonly WasteEntry[]
  readonly idleMarks: readonly IdleMarked[]
  readonly remarks: readonly string[]
}

export interface Holding {
  readonly cluster: string
  readonly team: string
  readonly namespace: string | null
  readonly person: string | null
  readonly job: string | null
  readonly queue: string | null
  readonly accelerator: string
  readonly resource: string
  readonly devices: number
  readonly idleDevices: number | null
  readonly pods: number
  readonly nodes: readonly string[]
  readonly since: string | null
  readonly idleSince: string | null
  readonly endsAt: string | null
  readonly outsideQueue: boolean
  readonly daemonSet: boolean
  readonly jobOver: boolean
  readonly processGone: boolean
  readonly nodeGone: boolean
  readonly leaving: boolean
}

export interface Holdings {
  readonly devices: number
  readonly notes: readonly string[]
  readonly items: readonly Holding[]
}

export interface Room {
  readonly cluster: string
  readonly accelerator: string
  readonly resource: string
  readonly nodes: number
  readonly total: number
  readonly healthy: number
  readonly schedulable: number
  readonly used: number
  readonly idleHeld: number | null
  readonly free: number
  readonly fragmented: number | null
  readonly fits: Readonly<Record<string, number>>
}

export interface Rooms {
  readonly notes: readonly string[]
  readonly items: readonly Room[]
}

/** One thing that can be out where accelerators stand: a resource, `pods`, or `quota` and a resource. */
export interface ShortThing {
  readonly name: string
  readonly used: number
  readonly capacity: number
  /** Used of all, 0 to 1 and above; null where nobody asks for it. */
  readonly share: number | null
  readonly perPod: number
  /** How many more pods of one device fit by the devices and this alone; null where they ask for none of it. */
  readonly morePods: number | null
}

export interface Saturation {
  readonly cluster: string
  readonly accelerator: string
  readonly resource: string
  /** Those that are Ready and take new pods. */
  readonly nodes: number
  readonly outFirst: string | null
  /** How many more pods of one device would start. */
  readonly starts: number
  readonly stranded: number
  /** Whether taints keep the usual pod from every node. */
  readonly closedToAll: boolean
  readonly things: readonly ShortThing[]
}

export interface Saturations {
  readonly notes: readonly string[]
  readonly items: readonly Saturation[]
}

export interface Lender {
  readonly lender: string
  readonly amount: number
}

export interface QueueUse {
  readonly clusterQueue: string
  readonly flavor: string
  readonly resource: string
  readonly nominal: number
  readonly limit: number | null
  readonly used: number
  readonly borrowed: number
  readonly lent: number
  readonly borrowsFrom: readonly Lender[]
}

export interface QueueStanding {
  readonly cluster: string
  readonly clusterQueue: string
  readonly cohort: string
  readonly stopPolicy: string | null
  readonly inactive: string | null
  readonly pending: number
  readonly head: string | null
  readonly heldBack: number
  readonly quotas: readonly QueueUse[]
}

export interface Queues {
  readonly items: readonly QueueStanding[]
  readonly remarks: readonly string[]
}

/** How one quota was used, a number for each step; null where nothing was seen. */
export interface QueueTrend {
  readonly cluster: string
  readonly clusterQueue: string
  readonly flavor: string
  readonly resource: string
  /** Means. */
  readonly used: readonly (number | null)[]
  readonly nominal: readonly (number | null)[]
  readonly most: readonly (number | null)[]
  /** How often it was seen. */
  readonly looks: readonly number[]
}

export interface QueueTrends {
  readonly since: string
  readonly stepSeconds: number
  /** When what is known of it begins; null where nothing is. */
  readonly first: string | null
  readonly items: readonly QueueTrend[]
  readonly remarks: readonly string[]
}

export type Alarm = 'none' | 'increase' | 'warning' | 'stop'

export interface QuotaUse {
  readonly cluster: string
  readonly layer: string
  readonly name: string
  readonly resource: string
  readonly used: number
  readonly limit: number
  readonly guaranteed: number | null
  readonly percent: number
  readonly alarm: Alarm
  readonly fullAt: string | null
}

export interface Quotas {
  readonly worst: Alarm
  readonly items: readonly QuotaUse[]
  readonly remarks: readonly string[]
}

export interface BookFinding {
  readonly code: string
  readonly cluster: string
  readonly subject: string
  readonly what: string
  readonly mend: string
  readonly nodes: readonly string[]
  readonly commands: readonly string[]
  readonly diff: string
}

export interface Books {
  readonly findings: readonly BookFinding[]
  readonly whole: boolean
  readonly remarks: readonly string[]
}

export interface Subject {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export type Verdict = 'misconfigured' | 'waiting' | 'broken'

export interface CauseGroup {
  readonly cause: string
  readonly code: string | null
  readonly layer: string
  /** Null where nothing tells what keeps it. */
  readonly verdict: Verdict | null
  readonly count: number
  readonly subjects: readonly Subject[]
}

export interface Explained {
  readonly subject: Subject
  readonly cause: string
  readonly code: string | null
  readonly layer: string
  /** Null where nothing tells what keeps it. */
  readonly verdict: Verdict | null
  readonly summary: string
  readonly createdAt: string | null
  readonly source: string | null
}

export interface Explanations {
  readonly waiting: number
  readonly groups: readonly CauseGroup[]
  readonly unseen: readonly string[]
  readonly items: readonly Explained[]
}

export interface Gap {
  readonly what: string
  readonly namespace: string | null
  readonly reason: string
  readonly detail: string
}

export interface ClusterState {
  readonly name: string
  readonly purpose: string | null
  readonly environment: string | null
  readonly state: 'current' | 'stale' | 'silent' | 'opening'
  readonly observedAt: string | null
  readonly ageSeconds: number | null
  readonly away: string | null
  readonly error: string | null
  readonly gaps: readonly Gap[]
}

export interface ClusterStates {
  readonly items: readonly ClusterState[]
}

export interface Allowance {
  readonly nominal: number
  readonly borrowingLimit: number | null
  readonly lendingLimit: number | null
}

export interface TeamPlacement {
  readonly cluster: string
  readonly environment: string
  readonly cohort: string | null
  readonly accelerators: readonly (Allowance & { readonly flavor: string })[]
}

export interface DeclaredTeam {
  readonly name: string
  readonly id: string
  readonly displayName: string
  readonly namespaces: readonly string[]
  readonly isolation: string
  readonly costCenter: string
  readonly environments: readonly string[]
  readonly projects: readonly string[]
  readonly priorities: readonly string[]
  readonly groups: {
    readonly owners: readonly string[]
    readonly members: readonly string[]
    readonly viewers: readonly string[]
    readonly exec: readonly string[]
  }
  readonly contacts: readonly { readonly kind: string; readonly address: string }[]
  readonly placements: readonly TeamPlacement[]
  readonly keepDataUntil: string | null
}

export interface DeclaredTeams {
  readonly items: readonly DeclaredTeam[]
}

export interface CauseLine {
  readonly code: string
  readonly id: string
  readonly layer: string
  readonly title: string
}

export interface CauseList {
  readonly items: readonly CauseLine[]
}

export interface CausePage extends CauseLine {
  readonly page: string
}

export type DriftKind = 'changed' | 'missing' | 'surplus' | 'blocked' | 'nodes' | 'uncounted' | 'foreign' | 'kept'

/** A field that is not as declared; a side that is not there is absent. */
export interface DriftField {
  readonly field: string
  readonly by: string
  readonly since: string
  readonly live?: unknown
  readonly declared?: unknown
}

export interface DriftObject {
  readonly drift: DriftKind
  readonly object: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }
  readonly message: string
  readonly fields: readonly DriftField[]
}

export interface RefusedWork {
  readonly namespace: string
  readonly policy: string
  readonly since: string
  readonly last: string
  readonly why: string
}

export interface ClusterDrift {
  readonly name: string
  readonly state: 'in-sync' | 'drifted' | 'unreachable'
  readonly observedAt: string
  readonly error: { readonly what: string; readonly why: string } | null
  readonly objects: readonly DriftObject[]
  readonly refused: readonly RefusedWork[]
  readonly notes: readonly string[]
  readonly notLookedAt: readonly { readonly kind: string; readonly why: string }[]
}

export interface DriftReport {
  readonly platform: string
  readonly inSync: boolean
  readonly degraded: readonly string[]
  readonly clusters: readonly ClusterDrift[]
}

export interface NamedWork {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** One that waits, in both futures; waits are medians from now, null where they are not known or out of sight. */
export interface ChangedJob {
  readonly job: NamedWork
  readonly queue: string
  readonly getsQuotaBefore: boolean
  readonly getsQuotaAfter: boolean
  readonly runsBefore: boolean | null
  readonly runsAfter: boolean | null
  readonly keptThen: { readonly cause: string; readonly summary: string } | null
  readonly waitSecondsBefore: number | null
  readonly waitSecondsAfter: number | null
  readonly changeSeconds: number | null
}

/** Both futures of one queue. */
export interface QueueFutures {
  readonly queue: string
  readonly waiting: number
  readonly getQuotaBefore: number
  readonly getQuotaAfter: number
  readonly waitSecondsBefore: number | null
  readonly waitSecondsAfter: number | null
  readonly sooner: number
  readonly later: number
  readonly displaced: number
}

export interface ChangedSetting {
  readonly what: string
  readonly before: string
  readonly after: string
  readonly note: string | null
}

export interface WhatIf {
  readonly observedAt: string
  readonly changes: readonly string[]
  readonly settings: readonly ChangedSetting[]
  readonly basis: string
  readonly futures: number
  /** How far they looked, where that is less than was wished. */
  readonly horizonSeconds: number | null
  readonly unchanged: number
  readonly queues: readonly QueueFutures[]
  readonly preempted: readonly NamedWork[]
  readonly notes: readonly string[]
  readonly jobs: readonly ChangedJob[]
}
