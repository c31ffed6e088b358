"""Which words are names, places or everyday words: one table, built by `tools/lexicon`, loaded once.

Trusted: it ships with the product. Its loss would leave masking to titles and introductions alone.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

FIRST, LAST, PLACE, PART = "f", "l", "p", "q"


@cache
def lexicon() -> dict[str, str]:
    """Word (casefolded) → letters: f first name, l last name, p place, P one that everybody knows, q part of a place's
    name, and a digit for an English word by frequency (9 most)."""
    packed = files("tocsin.screen").joinpath("weights/lexicon.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode().split("\n")
    return dict(line.split("\t") for line in lines if line)


# Words that begin with a capital letter and stand for no person: groups, makes, services, things of public life.
NOT_PEOPLE = frozenset(
    """
    antifa qanon maga blm kkk isis isil daesh hamas hezbollah taliban fbi cia dhs doj nsa atf usss ucp
    boogaloo boogaloos groyper groypers twitter facebook instagram telegram parler gab discord reddit
    tiktok youtube whatsapp signal google apple amazon microsoft netflix snapchat linkedin iphone ipad
    android glock kalashnikov remington ruger winchester kevlar molotov tannerite covid corona ebola
    zika metoo internet wifi bluetooth christmas easter ramadan hanukkah halloween thanksgiving juneteenth
    nazi nazis neonazi fascist marxist communist republican republicans democrat democrats gop dnc rnc
    muslim muslims christian christians jew jews jewish islamic catholic catholics hindu sikh buddhist
    american americans european europeans african africans asian asians russian russians chinese german
    germans french english british irish scottish italian italians spanish mexican mexicans canadian
    canadians iranian iranians iraqi iraqis syrian syrians israeli israelis palestinian palestinians
    ukrainian ukrainians turkish turks polish dutch swedish norwegian danish finnish greek greeks
    hungarian hungarians czech slovenian croatian serbian serbs bosnian albanian icelandic estonian
    latvian lithuanian romanian bulgarian chechen afghan afghans pakistani pakistanis indian indians
    japanese korean koreans vietnamese thai filipino indonesian australian australians brazilian cuban
    haitian haitians egyptian egyptians libyan tunisian nigerian kenyan somali saudi saudis kurdish kurds
    kurd arab arabs latino latinos latina hispanic hispanics cambodian
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december capitol congress senate pentagon kremlin bundestag
    parliament knesset interpol europol nato unesco unicef reuters cnn msnbc foxnews bbc aljazeera
    god jesus christ allah satan lord bible quran koran mom dad mama papa grandma grandpa mommy daddy
    rt lol lmao omg wtf btw imo fyi asap dm pm am eu un usa us uk dc nyc
    democratic constitution constitutional amendment patriot patriots militia oath keepers proud boys
    percenters threepers
    i he she it we they you me my mine your yours his her hers our ours their theirs who whom oh hey ok okay
    hell ah ha haha wow yeah yes yep nah no nope ya yo im iam ive pls plz please thx thanks thankyou ugh hmm
    well so and but or if then when where why how what that this these those here there ho hi hello bye
    sie ja da das na dann sehr du der die den dem des es er wir ihr ich mein dein sein ihre ihnen euch aber
    danke bitte eben mal nein nicht doch auch noch nur schon so wie was wer wo warum wieso weil wenn als ob
    und oder ein eine einen einer einem eines kein keine leute mann gott jetzt hier dort alle alles immer
    people nation power liberty freedom justice truth vote gold silver anon incel incels dems libtards
    muzzie antifas islam judaism christianity bitcoin retweet breaking update warning alert date edit amen
    gate pier section phase stage level route hurricane typhoon cyclone storm flood earthquake wildfire fire
    """.split()
)
INSTITUTION = frozenset(
    """
    street avenue road square center centre hall park memorial monument building bridge tunnel station
    airport stadium arena theater theatre school university college academy institute hospital clinic
    church temple mosque synagogue cathedral chapel plaza garden gardens house office court courthouse
    tower hotel mall library museum county city river lake island beach valley mountain mountains creek
    bay harbor harbour port fort castle palace embassy consulate ministry department agency bureau
    police sheriff sheriffs fire council committee commission association union federation foundation
    society club team league party movement front army navy force forces guard corps brigade command
    congress senate parliament assembly district state states republic kingdom province region territory
    inc incorporated corp corporation ltd limited llc llp plc gmbh ag co company companies group holdings
    industries partners bank insurance airlines motors systems technologies solutions services records
    times post news journal herald tribune gazette magazine radio television network channel press
    festival concert tour cup games bowl prize award day night week road highway route interstate
    act bill amendment building lane drive boulevard mt mount north south east west northern southern
    eastern western upper lower saint st san santa los las el new old great central international
    national federal royal grand golf capitol
    """.split()
)
