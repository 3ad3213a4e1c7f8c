import { Link } from '@tanstack/react-router'
import type { Column } from '../parts/grid'

interface Placed {
  readonly cluster: string
  readonly accelerator: string
  readonly resource: string
}

/** Which accelerators of a cluster a row is about; it leads to them. */
export const ACCELERATOR: Column<Placed> = {
  id: 'accelerator',
  head: 'Accelerator',
  width: '14%',
  sort: (each) => each.accelerator,
  cell: (each) => (
    <Link to="/fleet" search={{ cluster: each.cluster, accelerator: each.accelerator }}>
      {each.accelerator}
    </Link>
  ),
  title: (each) => `${each.accelerator} (${each.resource})`,
}
