/* What can be seen, in the fewest taps, and what makes it worse. The words are those of the board. */
export const WHAT = [
  ["Person on a roof", "PERSON", ["on_roof"]],
  ["Rangefinder or scope", "PERSON", ["rangefinder"]],
  ["Armed person", "PERSON", ["armed"]],
  ["Person climbing", "PERSON", ["climbing"]],
  ["Person acting oddly", "PERSON", []],
  ["Inside the perimeter", "PERSON", ["breached"]],
  ["Object left behind", "OBJECT", []],
  ["May be a bomb", "OBJECT", ["device"]],
  ["Vehicle", "VEHICLE", []],
  ["Drone", "DRONE", ["drone"]],
  ["Shots", "PERSON", ["shots"]],
];

export const WORSE = [
  ["Armed", "armed"], ["On a roof", "on_roof"], ["Climbing", "climbing"], ["Rangefinder", "rangefinder"],
  ["Ran away", "fled"], ["Inside the perimeter", "breached"], ["Carries a bag", "bag"], ["Shots", "shots"],
];
