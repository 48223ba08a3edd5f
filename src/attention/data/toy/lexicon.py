"""The lexicon of the toy corpus: tables of English words and their French translations."""

from attention.data.toy.words import Adjective, Determiner, Forms, Noun, Pronoun, Verb


def _rows(table: str) -> list[list[str]]:
    return [entry.split() for entry in table.split(",")]


def _translations(table: str) -> list[tuple[str, str]]:
    """Entries of one English word and the French word or words that translate it."""
    return [(english, " ".join(french)) for english, *french in _rows(table)]


def _nouns(table: str) -> list[Noun]:
    return [Noun(*row) for row in _rows(table)]


def _adjectives(table: str, prenominal: bool = False) -> list[Adjective]:
    rows = _rows(table)
    return [Adjective(english, he, she, prenominal) for english, he, she in rows]


def _verbs(table: str, objects: str = "", etre: bool = False) -> list[Verb]:
    return [
        Verb(base, past, participle, infinitive, french, frozenset(objects.split()), etre)
        for base, past, participle, infinitive, french in _rows(table)
    ]


# Nouns, each with its French gender.
PEOPLE = _nouns("""
    minister ministre m, president président m, expert expert m, lawyer avocat m, man homme m,
    student étudiant m, journalist journaliste m, worker ouvrier m, woman femme f, queen reine f,
    actress actrice f, girl fille f, delegation délégation f, team équipe f
""")
TEXTS = _nouns("""
    agreement accord m, treaty traité m, report rapport m, project projet m, contract contrat m,
    programme programme m, budget budget m, article article m, law loi f, letter lettre f,
    decision décision f, proposal proposition f, reform réforme f, resolution résolution f,
    answer réponse f, idea idée f
""")
EVENTS = _nouns("""
    debate débat m, trial procès m, speech discours m, summit sommet m,
    meeting réunion f, election élection f, crisis crise f, inquiry enquête f
""")
INSTITUTIONS = _nouns("""
    Council conseil m, Market marché m, Fund fonds m, Parliament parlement m, Institute institut m,
    Area zone f, Union union f, Bank banque f, Commission commission f, Agency agence f
""")
COUNTRIES = _nouns("""
    France France f, Italy Italie f, Spain Espagne f, Germany Allemagne f, Belgium Belgique f,
    Portugal Portugal m, Canada Canada m, Japan Japon m
""")
CITIES = _translations("""
    Paris Paris, Rome Rome, London Londres, Brussels Bruxelles, Geneva Genève, Lisbon Lisbonne,
    Vienna Vienne, Athens Athènes
""")
MONTHS = _translations("""
    January janvier, February février, March mars, April avril, May mai, June juin, July juillet,
    August août, September septembre, October octobre, November novembre, December décembre
""")
YEARS = [str(year) for year in range(1970, 2025)]

# Adjectives: French masculine and feminine. In French, most follow their noun.
ORIGINS = _adjectives("""
    European européen européenne, French français française, Italian italien italienne
""")
FIELDS = _adjectives("""
    economic économique économique, political politique politique, social social sociale,
    national national nationale, international international internationale
""")
QUALITIES = _adjectives("""
    important important importante, official officiel officielle, famous célèbre célèbre,
    independent indépendant indépendante, serious sérieux sérieuse, popular populaire populaire,
    ambitious ambitieux ambitieuse, strange étrange étrange
""")
PRENOMINAL = _adjectives(
    """
    new nouveau nouvelle, great grand grande, small petit petite, good bon bonne,
    bad mauvais mauvaise, old ancien ancienne, first premier première
    """,
    prenominal=True,
)
TITLES = _adjectives("""
    European européen européenne, Economic économique économique, Social social sociale,
    International international internationale, National national nationale,
    Central central centrale, Monetary monétaire monétaire, African africain africaine
""")

THE = Determiner("the", "the", "le", "la", "les")
DETERMINERS = [
    Determiner("a", "", "un", "une", ""),
    Determiner("this", "these", "ce", "cette", "ces"),
    Determiner("our", "our", "notre", "notre", "nos"),
    Determiner("their", "their", "leur", "leur", "leurs"),
    Determiner("every", "", "chaque", "chaque", ""),
    Determiner("", "several", "", "", "plusieurs"),
    Determiner("", "many", "", "", "beaucoup de"),
    Determiner("", "two", "", "", "deux"),
    Determiner("", "three", "", "", "trois"),
]
PRONOUNS = [
    Pronoun("they", "ils", plural=True),
    Pronoun("he", "il"),
    Pronoun("she", "elle", feminine=True),
    Pronoun("we", "nous", plural=True, first_person=True),
    Pronoun("I", "je", first_person=True),
]

# Verbs: English base, past and participle; French infinitive and participle.
TRANSITIVE = [
    *_verbs("sign signed signed signer signé, adopt adopted adopted adopter adopté", "text"),
    *_verbs("write wrote written écrire écrit, reject rejected rejected rejeter rejeté", "text"),
    *_verbs("examine examined examined examiner examiné", "text event"),
    *_verbs("prepare prepared prepared préparer préparé", "text event"),
    *_verbs("organise organised organised organiser organisé", "event"),
    *_verbs("follow followed followed suivre suivi", "event person"),
    *_verbs("invite invited invited inviter invité", "person body"),
    *_verbs("choose chose chosen choisir choisi", "person text"),
    *_verbs("create created created créer créé", "body text"),
    *_verbs("finance financed financed financer financé", "body text event"),
    *_verbs("support supported supported soutenir soutenu", "body text person"),
    *_verbs("defend defended defended défendre défendu", "body text person"),
    *_verbs("criticise criticised criticised critiquer critiqué", "body text person event"),
]
MOVING = _verbs(
    """
    arrive arrived arrived arriver arrivé, leave left left partir parti,
    return returned returned revenir revenu, enter entered entered entrer entré
    """,
    etre=True,
)
INTRANSITIVE = _verbs("""
    vote voted voted voter voté, speak spoke spoken parler parlé, act acted acted agir agi,
    wait waited waited attendre attendu, work worked worked travailler travaillé,
    hesitate hesitated hesitated hésiter hésité, win won won gagner gagné
""")
SAYING = _verbs("""
    say said said dire dit, announce announced announced annoncer annoncé,
    explain explained explained expliquer expliqué, think thought thought penser pensé
""")
AVOIR: Forms = ("ai", "a", "avons", "ont")
ETRE: Forms = ("suis", "est", "sommes", "sont")
WAS: Forms = ("étais", "était", "étions", "étaient")
MUST: Forms = ("dois", "doit", "devons", "doivent")
MAY: Forms = ("peux", "peut", "pouvons", "peuvent")
MODALS = [("must", MUST), ("may", MAY)]

# Imperatives: intransitive ones, and transitive ones with the kind of their object.
COMMANDS = _translations("listen écoutez, wait attendez, vote votez, work travaillez")
COMMANDS_TO = [
    (("sign", "signez"), "text"),
    (("examine", "examinez"), "text"),
    (("follow", "suivez"), "person"),
    (("support", "soutenez"), "person"),
]

# Adverbs, conjunctions and prepositions of time.
MOVING_ADVERBS = _translations("late en retard, early en avance")
ADVERBS = _translations("quickly rapidement, again encore, immediately tout de suite, here ici")
BEFORE_NOW = _translations("yesterday hier, recently récemment")
AFTER_NOW = _translations("tomorrow demain, soon bientôt")
CONJUNCTIONS = _translations("and et, but mais, because parce que, when quand")
AROUND = _translations("before avant, after après, during pendant")
