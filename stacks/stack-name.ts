/** The name of a zone's stack, of its folder, of its state and of its Terragrunt unit. */
export const zoneStackName = (environment: string, zone: string): string => `${environment}-zone-${zone}`;
