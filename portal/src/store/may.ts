import { useQuery } from '@tanstack/react-query'
import { whoami } from '../api/queries'
import type { Visitor } from '../api/schema'

/** Whether whoever looks may do something; nobody may before it was told. */
export function useMay(permission: string): boolean {
  return useQuery(whoami).data?.permissions.includes(permission) ?? false
}

/** Whether somebody may do something with what is a team's. */
export function mayIn(me: Pick<Visitor, 'permissions' | 'only_in'> | undefined, permission: string, team: string): boolean {
  if (!me?.permissions.includes(permission)) return false
  const teams = me.only_in?.[permission]
  return teams === undefined || teams.includes(team)
}

export function useMayIn(permission: string, team: string): boolean {
  return mayIn(useQuery(whoami).data, permission, team)
}
