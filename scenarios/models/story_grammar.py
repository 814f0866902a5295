# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""A generator of short children's stories: the training text of the bundled checkpoint.

`story(rng)` returns one story of some 70 to 150 words. Each story follows one of twelve plots with a hero, a
friend or grown-up, a thing, a place, a small problem, its resolution and (usually) a moral. Names, pronouns,
things and places stay the same within a story; the words of every sentence vary. All text here was written for
this project and falls under its licence.
"""

GIRLS = ["Lily", "Mia", "Anna", "Sara", "Zoe", "Ella", "Rosa", "Nina", "Lucy", "Emma", "Amy", "Kate"]
BOYS = ["Tom", "Ben", "Max", "Sam", "Leo", "Tim", "Jack", "Finn", "Noah", "Adam", "Paul", "Nick"]
PETS = ["Dot", "Pip", "Bobo", "Milo", "Luna", "Coco", "Toto", "Fluffy", "Nibbles", "Sunny"]
# The small cast: one name for each role and gender, and fewer things, places and animals.
HEROES = {"girl": ["Lily"], "boy": ["Tom"]}
FRIENDS = {"girl": ["Mia"], "boy": ["Ben"]}
ANIMALS = ["fox", "bear", "rabbit", "mouse", "duck", "frog", "cat", "dog", "squirrel", "bird", "pig", "goat"]
SMALL_ANIMALS = ["bird", "kitten", "puppy", "rabbit", "duckling", "mouse", "turtle", "frog", "squirrel"]
TRAITS = ["kind", "happy", "curious", "clever", "brave", "gentle", "cheerful", "quiet"]
COLORS = ["red", "blue", "green", "yellow", "white", "purple", "shiny", "soft"]
TOYS = ["ball", "kite", "doll", "toy car", "teddy bear", "hat", "toy boat", "scarf", "drum", "balloon"]
PLACES = ["the park", "the garden", "the forest", "the beach", "the farm", "the lake", "the meadow", "the hill",
          "the river", "the village"]
SPOTS = ["under the bed", "behind the door", "in the box", "under the table", "behind the big tree",
         "next to the old bench", "in the tall grass", "near the water", "under the stairs", "in the kitchen"]
FOODS = ["apples", "cookies", "berries", "cake", "bread and honey", "soup", "pancakes", "carrots", "nuts", "pie"]
GAMES = ["run and jump", "play hide and seek", "climb trees", "sing songs", "look at the clouds", "pick flowers",
         "draw pictures", "dance in the sun", "build houses of sand", "count the stars"]
DAYS = ["sunny", "warm", "windy", "bright", "cold", "cloudy"]


def a(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def cap(text):
    return text[0].upper() + text[1:]


class Character:
    """A name with its pronouns and what it is ("girl", "fox", "mom")."""

    def __init__(self, name, kind, female):
        self.name, self.kind, self.female = name, kind, female
        self.he, self.him, self.his = ("she", "her", "her") if female else ("he", "him", "his")
        self.He, self.His = cap(self.he), cap(self.his)


class Scene:
    """The dice of one story, and the people and things that they have chosen."""

    def __init__(self, rng, small_cast=False):
        self.rng = rng
        self.small_cast = small_cast
        self.animal_world = rng.random() < 0.4 and not small_cast
        self.hero = self._somebody(None)
        self.friend = self._somebody(self.hero)
        self.elder = self._elder()
        self.place = self.few(PLACES)
        self.color = self.few(COLORS)
        self.toy = self.few(TOYS)
        self.thing = self.color + " " + self.toy
        self.trait = self.pick(TRAITS)
        self.game = self.pick(GAMES)
        self.food = self.few(FOODS)
        self.day = self.pick(DAYS)

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def few(self, options):
        return self.pick(options[:4] if self.small_cast else options)

    def say(self, *options):
        return self.pick(options)

    def maybe(self, chance, text):
        return text if self.rng.random() < chance else ""

    def _somebody(self, other):
        while True:
            female = self.rng.random() < 0.5
            kind = "girl" if female else "boy"
            names = PETS if self.animal_world else GIRLS if female else BOYS
            if self.small_cast:
                cast = HEROES if other is None else FRIENDS
                names = cast[kind]
            name = self.pick(names)
            who = Character(name, self.pick(ANIMALS) if self.animal_world else kind, female)
            if other is None or (who.name != other.name and (who.kind != other.kind or not self.animal_world)):
                return who

    def _elder(self):
        female = self.rng.random() < 0.6
        name = self.pick(["mom", "grandma"]) if female else self.pick(["dad", "grandpa"])
        if self.small_cast:
            name, female = "mom", True
        return Character(name, name, female)

    # -- sentences that every plot can use ------------------------------------------------------------------

    def opening(self):
        h, t = self.hero, self.trait
        start = self.pick(["Once upon a time", "Once upon a time", "Once upon a time", "One day", "Long ago"])
        if start == "One day":
            return self.say(f"One day, a little {h.kind} named {h.name} went to {self.place}.",
                            f"One day, a {t} {h.kind} named {h.name} was playing near {self.place}.")
        return self.say(
            f"{start}, there was a little {h.kind} named {h.name}.",
            f"{start}, there was a {t} little {h.kind} named {h.name}.",
            f"{start}, in a small house near {self.place}, there lived a {t} {h.kind} named {h.name}.",
            f"{start}, a little {h.kind} named {h.name} lived near {self.place}.")

    def likes(self):
        h = self.hero
        return self.say(f"{h.He} liked to {self.game} all day.", f"{h.He} loved to {self.game}.",
                        f"Every day, {h.name} liked to {self.game}.",
                        f"{h.name} was very {self.trait} and loved to {self.game}.")

    def one_day(self):
        return self.say("One day,", f"One {self.day} day,", f"One {self.day} morning,", "One morning,",
                        "One afternoon,")

    def moral(self, *morals):
        lesson, h = self.pick(morals), self.hero
        return self.say(f"{h.name} learned that {lesson}.", f"From that day on, {h.name} knew that {lesson}.",
                        f"That day, {h.name} learned that {lesson}.", f"{h.He} knew now that {lesson}.")

    def ending(self):
        h, f = self.hero, self.friend
        return self.say(f"{h.name} went home with a big smile.", f"That night, {h.name} slept very well.",
                        "And they all lived happily ever after.", f"It was the best day of all.",
                        f"{h.name} was very happy.", f"{h.He} smiled and felt warm inside.", "The end.")

    def meet_friend(self):
        f, h = self.friend, self.hero
        return self.say(f"{h.His} best friend was a {f.kind} named {f.name}.",
                        f"{h.He} had a good friend, a {f.kind} named {f.name}.")


# -- plots --------------------------------------------------------------------------------------------------


def lost_thing(s):
    h, e = s.hero, s.elder
    first, second = s.rng.sample(SPOTS, 2)
    return [
        s.opening(),
        s.say(f"{h.He} had a {s.thing} and took it everywhere.", f"{h.His} favorite toy was a {s.thing}.",
              f"{h.He} had a {s.thing} that {h.he} loved very much."),
        s.one_day() + s.say(f" {h.name} could not find the {s.toy}.", f" the {s.toy} was gone.",
                            f" {h.name} lost {h.his} {s.toy}."),
        s.say(f"{h.name} was very sad and began to cry.", f"{h.He} felt sad and did not know what to do.",
              f'"Oh no! Where is my {s.toy}?" said {h.name}.'),
        s.say(f"{h.He} looked {first}, but it was not there.",
              f"{h.name} looked {first}, but {h.he} did not see it."),
        s.say(f'{h.His} {e.name} said, "Do not worry. I will help you look."',
              f'"Let us look together," said {h.his} {e.name}.',
              f'Then {h.his} {e.name} came and asked, "Why are you sad?"'
              f' {h.name} told {e.him} about the {s.toy}.'),
        s.say(f"They looked {second}, and there it was!", f"At last, they found the {s.toy} {second}!",
              f"Together they looked {second}. The {s.thing} was there!"),
        s.say(f'{h.name} jumped with joy. "Thank you!" {h.he} said.',
              f"{h.name} gave {h.his} {e.name} a big hug.",
              f'"Thank you for your help," said {h.name}, and {h.he} held the {s.toy} tight.'),
        s.maybe(0.7, s.moral("it is good to ask for help", "it is good to keep things in their place",
                             "two can look better than one")),
        s.ending(),
    ]


def sharing(s):
    h, f, e = s.hero, s.friend, s.elder
    return [
        s.opening(),
        s.meet_friend(),
        s.one_day() + s.say(f" they went to {s.place} and found a {s.thing}.",
                            f" {h.name} and {f.name} saw a {s.thing} in {s.place}."),
        s.say(f'"It is mine!" said {h.name}. "No, it is mine!" said {f.name}.',
              f'Both of them wanted it. "I saw it first!" said {h.name}.',
              f'"I want to play with it," said {h.name}. "I want it too," said {f.name}.'),
        s.say(f"They pulled and pulled, and the {s.toy} fell into the mud.",
              "They were angry and did not talk to each other.", "They began to fight, and no one had fun."),
        s.say(f"Then {h.name} saw that {f.name} was sad.", f"{f.name} sat down and began to cry.",
              f"{h.name} felt bad. {h.He} did not want to lose {h.his} friend."),
        s.say(f'"I am sorry," said {h.name}. "Let us share it."',
              f'{h.name} had an idea. "You can play first, and then it is my turn," {h.he} said.',
              f'"We can play with it together," said {h.name}.'),
        s.say(f"{f.name} smiled and said yes.", f'"That is a good idea!" said {f.name}.',
              f"{f.name} was happy and gave {h.name} a hug."),
        s.say(f"They took turns with the {s.toy} and played until the sun went down.",
              f"They played with the {s.toy} all day and had a lot of fun.",
              f"Soon they were laughing and playing with the {s.thing}."),
        s.maybe(0.8, s.moral("sharing is more fun", "a friend is better than a toy",
                             "it is good to take turns", "it is good to share")),
        s.ending(),
    ]


def brave(s):
    h, f, e = s.hero, s.friend, s.elder
    fear, where, act = s.pick([
        ("the dark", "in the dark room", "turned off the light"),
        ("the water", "at the edge of the water", "put one foot in the water"),
        ("loud thunder", "at the window", "listened to the rain"),
        ("high places", "at the top of the slide", "let go and went down"),
        ("the deep forest", "at the first tall tree", "took one small step"),
    ])
    return [
        s.opening(),
        s.likes(),
        s.say(f"But {h.name} was afraid of {fear}.", f"There was one problem. {h.name} was afraid of {fear}."),
        s.one_day() + s.say(f" {f.name} asked {h.him} to come and play.",
                            f" {h.his} friend {f.name} said, \"Come with me!\""),
        s.say(f'"I cannot," said {h.name}. "I am scared."', f"{h.name} shook {h.his} head. {h.He} was too scared.",
              f'{h.name} began to shake. "I am afraid of {fear}," {h.he} said.'),
        s.say(f'"Hold my hand," said {f.name}. "I will stay with you."' if not s.animal_world else
              f'"Stay close to me," said {f.name}. "I will be with you."',
              f'"You can do it," said {f.name}. "I am right here."',
              f'"I was scared too," said {f.name}. "We can try it together."'),
        s.say(f"{h.name} took a deep breath.", f"{h.name} closed {h.his} eyes and counted to three."),
        s.say(f"{h.He} stood {where} and {act}.", f"Slowly, {h.he} stood {where} and {act}."),
        s.say("Nothing bad happened. It was even fun!", f"It was not so bad. {h.name} began to laugh.",
              f"{h.name} opened {h.his} eyes and smiled."),
        s.say(f'"I did it!" said {h.name}.', f'"You are so brave!" said {f.name}.',
              f"{f.name} was proud of {h.him}."),
        s.maybe(0.8, s.moral("it is fine to be afraid and still try", "a good friend makes you brave",
                             "being brave means to try")),
        s.ending(),
    ]


def rescue(s):
    h, e = s.hero, s.elder
    kind = s.few([x for x in SMALL_ANIMALS if x != h.kind])
    trouble, solution = s.pick([
        ("was stuck in the mud", "pulled it out with a long stick"),
        ("had fallen into a hole", "put a long branch into the hole so that it could climb out"),
        ("was caught in an old net", "opened the net very slowly"),
        ("had hurt its leg", "put a soft cloth around its leg"),
        ("was lost and cold", "put it in a warm scarf and gave it some food"),
    ])
    return [
        s.opening(),
        s.likes(),
        s.one_day() + s.say(f" {h.name} went for a walk to {s.place}.", f" {h.name} was walking near {s.place}."),
        s.say(f"{h.He} heard a small sound.", f'"Help! Help!" {h.he} heard.', f"{h.He} heard somebody cry."),
        s.say(f"It was a little {kind}. The {kind} {trouble}.", f"{h.He} saw a little {kind} that {trouble}."),
        s.say(f'"Poor {kind}," said {h.name}. "I will help you."', f'"Do not be afraid," said {h.name}.',
              f"{h.name} wanted to help."),
        s.say(f"{h.He} thought hard. Then {h.he} {solution}.", f"{h.name} {solution}.",
              f"{h.He} called {h.his} {e.name}, and together they helped. {h.name} {solution}."),
        s.say(f"The little {kind} was safe.", f"Soon the {kind} felt much better.", f"The {kind} was free!"),
        s.say(f'"Thank you," said the {kind}. "You are very kind."', f"The {kind} looked at {h.name} and was happy.",
              f'"Will you be my friend?" asked the {kind}. "Yes!" said {h.name}.'),
        s.say(f"From then on, {h.name} and the {kind} played together every day.",
              f"After that, the {kind} came to see {h.name} every morning.", ""),
        s.maybe(0.7, s.moral("helping others makes you happy", "it is good to be kind",
                             "a kind heart finds many friends")),
        s.ending(),
    ]


def make_it(s):
    h, e = s.hero, s.elder
    thing, wrong, fix, joy = s.pick([
        ("a kite", "it fell to the ground", "made the tail longer", "It flew high in the sky"),
        ("a cake", "it was too hard to eat", "used more milk and an egg", "It was soft and sweet"),
        ("a little boat", "it sank in the water", "used lighter wood", "It went across the water"),
        ("a tower of blocks", "it fell down", "put the big blocks first", "It stood tall and did not fall"),
        ("a house for birds", "the roof fell off", "used more nails", "Soon a bird came to live in it"),
        ("a snowman", "its head fell off", "made a smaller head", "It stood tall in the snow"),
    ])
    return [
        s.opening(),
        s.one_day() + f" {h.name} wanted to make {thing}.",
        s.say(f'"I can do it all by myself," {h.he} said.', f"{h.He} worked all morning.",
              f"{h.He} got all the things {h.he} needed and began."),
        s.say(f"But when it was done, {wrong}.", f"{h.He} tried, but {wrong}."),
        s.say(f'{h.name} was sad. "I cannot do it," {h.he} said.', f"{h.name} was angry and wanted to stop.",
              f'"Oh no!" said {h.name}, and {h.he} began to cry.'),
        s.say(f'{h.His} {e.name} smiled and said, "Try again. I know you can do it."',
              f'"It is fine to make mistakes," said {h.his} {e.name}. "Let us think."',
              f'{h.His} {e.name} sat next to {h.him}. "What can you do better?" {e.he} asked.'),
        s.say(f"{h.name} thought about it and tried again.", f"So {h.name} tried one more time.",
              f"{h.name} had an idea."),
        s.say(f"This time, {h.he} {fix}.", f"{h.He} {fix}."),
        f"{joy}" + s.say("!", ".", f", and {h.name} clapped and laughed."),
        s.say(f'"Look, I made {thing}!" said {h.name}.', f'"You did it!" said {h.his} {e.name}.',
              f"{h.His} {e.name} was very proud."),
        s.maybe(0.8, s.moral("it is good to try again", "mistakes help us learn", "we should never give up")),
        s.ending(),
    ]


def truth(s):
    h, e = s.hero, s.elder
    thing, place = s.pick([("vase", "table"), ("cup", "table"), ("clock", "wall"), ("plate", "shelf"),
                           ("lamp", "shelf"), ("mirror", "wall")])
    return [
        s.opening(),
        s.likes(),
        s.say(f"In {h.his} house, there was a beautiful {thing} on the {place}.",
              f"{h.His} {e.name} had a beautiful {thing} on the {place}."),
        s.say(f'"Please do not play near the {thing}," said {h.his} {e.name}.',
              f'{h.His} {e.name} always said, "Be careful with the {thing}."'),
        s.one_day() + s.say(f" {h.name} played with a ball in the room.",
                            f" {h.name} was running in the house and did not look."),
        s.say(f"Crash! The {thing} fell down and broke.", f"The {thing} fell to the floor and broke."),
        s.say(f"{h.name} was scared. {h.He} wanted to hide.", f'"Oh no," thought {h.name}. "What can I do?"',
              f"{h.name} hid under the bed. {h.He} felt very bad."),
        s.say(f"But then {h.he} went to {h.his} {e.name} and told the truth.",
              f'When {h.his} {e.name} came home, {h.name} said, "I broke the {thing}. I am sorry."'),
        s.say(f'{h.His} {e.name} was not angry. "Thank you for telling me the truth," {e.he} said.',
              f'"It is only a {thing}," said {h.his} {e.name}. "I am glad that you told me."'),
        s.say(f"They cleaned the floor together.", f"Together they fixed the {thing} with glue.",
              f"They hugged and cleaned up together."),
        s.moral("it is always best to tell the truth", "telling the truth takes courage", "it is good to be honest"),
        s.maybe(0.6, s.ending()),
    ]


def gift(s):
    h, f = s.hero, s.friend
    made = s.pick(["a picture of the two of them", "a card with a big heart", f"a {s.color} hat", "a song",
                   f"a basket of {s.food}"])
    return [
        s.opening(),
        s.meet_friend(),
        s.say(f"Soon it was the birthday of {f.name}.", f"It was almost the birthday of {f.name}."),
        s.say(f"{h.name} wanted to give {f.him} a present, but {h.he} had no money.",
              f'"What can I give to {f.name}?" thought {h.name}. {h.He} had no money.'),
        s.say(f"{h.He} sat by the window and thought for a long time.", f"{h.He} thought and thought.",
              f"{h.He} walked to {s.place} to think."),
        s.say(f'"I know!" said {h.name}. "I will make something."', f"Then {h.name} had a good idea."),
        s.say(f"{h.He} made {made}.", f"{h.He} worked all day and made {made}."),
        s.say(f"At the party, there were many big presents.", f"{h.name} went to the party with the present."),
        s.say(f'"It is very small," said {h.name}.', f'"I made it for you," said {h.name}.'),
        s.say(f'"This is the best present of all!" said {f.name}.',
              f'{f.name} smiled. "I love it, because you made it for me," {f.he} said.'),
        s.say(f"They ate {s.food} and danced.", f"They ate {s.food} and played all day.",
              f"{f.name} gave {h.name} a big hug."),
        s.maybe(0.8, s.moral("the best gift comes from the heart", "a gift does not need to be big",
                             "love is the best present")),
        s.maybe(0.6, s.ending()),
    ]


def rainy_day(s):
    h, f = s.hero, s.friend
    inside = s.pick([("built a big tent with blankets", "the tent"), ("made a boat from a box", "the boat"),
                     ("made a castle from pillows", "the castle"), ("played music on pots and pans", "the music")])
    return [
        s.opening(),
        s.one_day() + s.say(f" {h.name} and {f.name} wanted to go to {s.place}.",
                            f" {h.name} and {h.his} friend {f.name} planned a picnic at {s.place}."),
        s.say(f"They packed {s.food} and a {s.thing}.", f"They had a basket with {s.food}."),
        s.say("But then it began to rain.", "But the sky became dark, and it began to rain.",
              "Then big drops of rain fell from the sky."),
        s.say(f'"Now we cannot go," said {h.name}. {h.He} was sad.',
              f"{h.name} looked out of the window and was sad.",
              f'"I do not like the rain," said {f.name}.'),
        s.say(f'"Do not be sad," said {f.name}. "We can have fun inside."' if s.rng.random() < 0.5 else
              f'Then {h.name} had an idea. "We can play inside!" {h.he} said.'),
        s.say(f"So they {inside[0]}.", f"They {inside[0]} and laughed a lot."),
        s.say(f"They ate {s.food} and told stories.", f"Then they ate the {s.food} on the floor.",
              f"They loved {inside[1]} and played for a long time."),
        s.say("When the rain stopped, they saw a rainbow.", "Soon the sun came out, and there was a rainbow.",
              "The rain sang on the roof, and it was warm inside."),
        s.say(f'"This was even better than {s.place}!" said {h.name}.', f'"I like the rain now," said {f.name}.',
              f'"What a good day!" said {h.name}.'),
        s.maybe(0.7, s.moral("a rainy day can be fun too", "you can have fun anywhere with a friend",
                             "a good idea can save the day")),
        s.ending(),
    ]


def seed(s):
    h, e = s.hero, s.elder
    plant = s.pick(["a tall sunflower", "a small apple tree", f"a {s.color} flower", "a big pumpkin",
                    "a sweet melon"])
    return [
        s.opening(),
        s.one_day() + s.say(f" {h.his} {e.name} gave {h.him} a tiny seed.", f" {h.name} found a tiny seed."),
        s.say(f'"What is it?" asked {h.name}. "Plant it and wait," said {h.his} {e.name}.',
              f'"Put it in the ground and give it water," said {h.his} {e.name}.'),
        s.say(f"{h.name} put the seed in the garden and gave it water.",
              f"{h.name} made a small hole and put the seed in the ground."),
        s.say(f"The next day, {h.he} looked, but there was nothing.", f"{h.He} looked every day, but nothing came."),
        s.say(f'"It does not grow!" said {h.name}. {h.He} was sad.',
              f'{h.name} was sad. "I want to see it now," {h.he} said.'),
        s.say(f'"Good things take time," said {h.his} {e.name}.', f'"You have to wait," said {h.his} {e.name}.'),
        s.say(f"So {h.name} gave it water every day and waited.", f"{h.name} waited and sang to the seed every day.",
              "There was sun, and there was rain, and many days went by."),
        s.say("Then, one morning, there was a small green leaf!", f"One morning, {h.name} saw something green!"),
        s.say(f"It grew and grew, and soon it was {plant}.", f"After many days, it became {plant}."),
        s.say(f'"Look, look!" said {h.name}, and {h.he} danced with joy.', f"{h.name} was very proud.",
              f'{h.name} showed it to {h.his} {e.name}. "I waited!" {h.he} said.'),
        s.moral("good things take time", "it is good to wait", "small things can become big"),
        s.maybe(0.5, s.ending()),
    ]


def new_friend(s):
    h, f = s.hero, s.friend
    return [
        s.opening(),
        s.likes(),
        s.say(f"But {h.he} had no one to play with.", f"But {h.name} was often alone."),
        s.one_day() + s.say(f" a new {f.kind} came to {s.place}. {f.His} name was {f.name}.",
                            f" {h.name} saw a {f.kind} named {f.name} at {s.place}."),
        s.say(f"{f.name} was shy and sat alone.", f"{f.name} did not talk to anyone.",
              f"{f.name} looked sad and held a {s.thing}."),
        s.say(f"{h.name} wanted to say hello, but {h.he} was shy too.", f"{h.name} thought for a moment."),
        s.say(f'Then {h.he} walked to {f.him} and said, "Hello, I am {h.name}. Do you want to play?"',
              f'{h.name} gave {f.him} some {s.food} and said, "Do you want to play with me?"'),
        s.say(f'{f.name} looked up and smiled. "Yes, please," {f.he} said.', f'"I would like that," said {f.name}.'),
        s.say(f"They went to {s.place} to {s.game}.", f"Together they liked to {s.game}.",
              f"They ate {s.food} and began to {s.game}."),
        s.say("They laughed and played until it was dark.", "They had so much fun that they forgot the time."),
        s.say(f'"Will you come again?" asked {f.name}. "Every day!" said {h.name}.',
              f'"You are my first friend here," said {f.name}.'),
        s.maybe(0.8, s.moral("a kind word can make a friend", "it is easy to make a friend with a smile",
                             "it is good to say hello first")),
        s.ending(),
    ]


def small_helps_big(s):
    h = s.hero
    big = s.few([x for x in ("lion", "bear", "elephant", "horse", "cow") if x != h.kind])
    trouble, help_ = s.pick([
        ("had a thorn in its foot", "pulled the thorn out"),
        ("was caught under a fallen branch", "found a rope and pulled the branch away"),
        ("could not find its way home", "showed the way home"),
        ("was very hungry", f"came back with a basket of {s.food}"),
    ])
    return [
        s.opening(),
        s.say(f"{h.name} was very small.", f"{h.He} was the smallest of all."),
        s.say(f'The others laughed and said, "You are too small to help."',
              f'"I am too small to do big things," thought {h.name}.'),
        s.one_day() + s.say(f" {h.name} met a big {big} near {s.place}.", f" a big {big} came to {s.place}."),
        s.say(f"The {big} was crying. It {trouble}.", f"The {big} {trouble} and was very sad."),
        s.say("The others were afraid and ran away.", "No one wanted to go near it."),
        s.say(f"But {h.name} was not afraid.", f"But {h.name} walked up to the {big}."),
        s.say(f'"I can help you," said {h.name}.', f'"Let me try," said {h.name}.'),
        s.say(f"{h.He} {help_}.", f"{h.name} worked hard and {help_}."),
        s.say(f'"Thank you, little friend," said the {big}. "You are small, but your heart is big."',
              f'The {big} was so happy. "You saved me!" it said.'),
        s.say(f"The {big} let {h.name} ride on its back.", "All the others came and clapped.",
              f"After that, {h.name} and the {big} were best friends."),
        s.maybe(0.8, s.moral("you can be small and still help", "a small friend can do big things",
                             "everyone can help")),
        s.maybe(0.6, s.ending()),
    ]


def way_home(s):
    h, e = s.hero, s.elder
    guide = s.few([x for x in ("owl", "bird", "butterfly", "squirrel", "turtle") if x != h.kind])
    return [
        s.opening(),
        s.likes(),
        s.one_day() + s.say(f" {h.name} walked far from home.", f" {h.name} ran after a butterfly and went too far."),
        s.say(f"Soon {h.he} did not know where {h.he} was.", f"{h.He} looked around. {h.He} was lost!"),
        s.say("It was getting dark and cold.", "The sun went down, and the trees were tall and dark."),
        s.say(f'"I want to go home," said {h.name}, and {h.he} began to cry.',
              f"{h.name} sat down under a tree and cried."),
        s.say(f"Then {a(guide)} came to {h.him}.", f"{cap(a(guide))} saw {h.him} and came near."),
        s.say(f'"Why are you sad?" asked the {guide}. "I am lost," said {h.name}.',
              f'"Do not cry," said the {guide}. "I know the way."'),
        s.say(f'"Come with me," said the {guide}. They went past {s.place} and over a small bridge.',
              f"The {guide} went first, and {h.name} went after it, past {s.place}."),
        s.say(f"At last, {h.name} saw the light of {h.his} house.", f"Soon {h.name} saw {h.his} house."),
        s.say(f"{h.His} {e.name} ran to {h.him} and hugged {h.him}.",
              f'"I was so worried!" said {h.his} {e.name}, and they hugged.'),
        s.say(f'"Thank you, {guide}!" said {h.name}.', f"{h.name} gave the {guide} some {s.food} to say thank you."),
        s.maybe(0.8, s.moral("it is good to stay close to home", "there is always someone who can help",
                             f"{h.he} must tell {h.his} {e.name} where {h.he} goes")),
        s.maybe(0.5, s.ending()),
    ]


PLOTS = [lost_thing, sharing, brave, rescue, make_it, truth, gift, rainy_day, seed, new_friend, small_helps_big,
         way_home]


def story(rng, small_cast=False):
    """One story as a single paragraph. `rng` is a random.Random; a small cast has few names, things and places."""
    scene = Scene(rng, small_cast)
    return " ".join(sentence for sentence in scene.pick(PLOTS)(scene) if sentence)


if __name__ == "__main__":
    import random
    import sys

    dice = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(12):
        print(story(dice) + "\n")
