import type { ClusterDrift, DriftKind } from '../answers/documents'
import type { StateLook } from './states'

/** How one object stands to its declaration. */
export const DRIFT: Readonly<Record<DriftKind, StateLook>> = {
  changed: { word: 'changed', tone: 'wait', shape: 'half' },
  missing: { word: 'missing', tone: 'bad', shape: 'cross' },
  surplus: { word: 'surplus', tone: 'bad', shape: 'bar' },
  blocked: { word: 'blocked', tone: 'bad', shape: 'bar' },
  nodes: { word: 'nodes', tone: 'bad', shape: 'ring' },
  uncounted: { word: 'uncounted', tone: 'bad', shape: 'ring' },
  foreign: { word: 'foreign', tone: 'move', shape: 'dot' },
  kept: { word: 'kept', tone: 'over', shape: 'dash' },
}

/** What each is, in a sentence. */
export const DRIFT_SAID: Readonly<Record<DriftKind, string>> = {
  changed: 'it has other values than declared',
  missing: 'it is declared and not there',
  surplus: 'it is ours, and nothing declares it any more',
  blocked: 'it cannot be put right as it stands',
  nodes: 'nodes are not as their pool declares; no command changes nodes',
  uncounted: 'work runs that no queue counts; no command stops it',
  foreign: 'it is not ours, and undoes what is',
  kept: 'an adoption left it to its owner on purpose',
}

/** How a cluster stands to its declaration. */
export const IN_SYNC: Readonly<Record<ClusterDrift['state'], StateLook>> = {
  'in-sync': { word: 'as declared', tone: 'good', shape: 'check' },
  drifted: { word: 'drifted', tone: 'wait', shape: 'half' },
  unreachable: { word: 'not known', tone: 'bad', shape: 'cross' },
}

/** Of one whose first look has not ended. */
export const LOOKED_AT: StateLook = { word: 'being looked at', tone: 'move', shape: 'half' }

/** Kinds that `allot drift --repair` puts right. */
export const MENDED: ReadonlySet<DriftKind> = new Set(['changed', 'missing', 'surplus'])
