/* What page.js takes from fflate to save answers. */
export { strToU8, zipSync } from "fflate";
