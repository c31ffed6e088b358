"""Common first names in the United States and Germany, for masking. Ours, from general knowledge;
no person is meant.

Left out on purpose: names that are more often places or words (Lincoln, Madison, Will, Mark, May,
Grace, Hope, Faith).
"""

from __future__ import annotations

FIRST_NAMES = frozenset(
    """
    aaron adam adrian aisha alan albert alejandro alex alexander alexandra alice alicia alison
    amanda amber amy ana andre andrea andreas andrew angela anita ann anna anne annie anthony
    antonio arthur ashley barbara ben benjamin bernd bernie bertha beth betty beverly bill billy
    birgit björn bob bobby bonnie brad bradley brandon brenda brett brian brittany bruce bryan
    carl carla carlos carol caroline catherine charles charlotte cheryl chris christian
    christina christine christopher chuck cindy claudia clarence connie craig crystal curtis
    cynthia dan daniel danielle darren dave david deborah debra denise dennis derek diana diane
    diego dieter dirk don donald donna doris dorothy doug douglas duane dylan earl ed eddie
    edward eileen elaine elena elizabeth ellen emily emma eric erica erik erin ernest esther
    ethan eugene eva evan evelyn fatima felix florian frank frederick fritz gabriel gary gerald
    gerhard gina glenn gloria greg gregory günter hannah hans harold harry heather heidi helen
    helmut henry herbert holger howard ian ibrahim ines ingrid irene isaac isabel jack jacob
    jacqueline jake jamal james jamie jan jane janet janice jason javier jean jeff jeffrey
    jennifer jeremy jerry jesse jessica jill jim jimmy joan joe joel johannes john johnny jon
    jonathan jorge jose joseph josh joshua joyce juan judith judy julia julian julie jürgen
    justin kai karen karl katharina katherine kathleen kathryn kathy katie kayla keith kelly ken
    kenneth kevin khalid kim kimberly klaus kristin kurt kyle larry lars laura lauren laurie lee
    leon leonard leroy leslie lewis lillian linda lisa lori louis louise lucas lucy luis lukas
    luke lynn manfred marcus margaret maria marie marilyn mario marion marjorie markus marlene
    marta martha martin marvin mary mathew matt matthew matthias maurice max megan melanie
    melissa michael michelle miguel mike mitch mohamed mohammed monica monika muhammad nancy
    natalie nathan nicholas nick nicole nina noah norman olaf oliver olivia omar oscar otto pam
    pamela patricia patrick paul paula pedro peggy peter petra phil philip phillip phyllis
    rachel ralf ralph randy raymond rebecca renate ricardo richard rick ricky rita rob robert
    roberto robin rodney roger roland ron ronald rosa ruben russell ruth ryan sabine sally sam
    samantha samuel sandra sara sarah scott sean sebastian sergio shannon sharon shawn sheila
    shirley silke simon sofia sonja sophia stefan stephanie stephen steve steven stuart sue
    susan susanne suzanne sven sylvia tammy tanja tanya tara ted teresa terry theodore theresa
    thomas thorsten tiffany tim timothy tina todd tom tommy tony torsten tracy travis troy tyler
    ulrich ursula uwe valerie vanessa veronica vicki victor victoria vincent virginia walter
    wanda wayne wendy werner wesley william willie wolfgang yolanda yusuf yvonne zachary
    """.split()
) - {"virginia", "victoria"}  # a state, and half the Commonwealth

# Also ordinary words, months or titles when they stand alone: only masked before a surname.
EVERYDAY = frozenset(
    """
    amber amy bill bob brandon chuck crystal dirk don earl frank heather jack jan jean jose kai ken
    kim lee max nick norman otto ray rob roland rosa ruth sue troy wayne
    """.split()
)
