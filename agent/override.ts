/** The way past the gate, for when the data or the time without it does not matter. */
export const OVERRIDE = "REDIS_HA_OVERRIDE_GATE";

export const overridden = (): boolean => process.env[OVERRIDE] === "1";
