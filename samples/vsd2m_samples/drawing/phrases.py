"""The lettering of stickers, in English and Chinese, by action; and their trigger words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    """`words`: trigger words of an action, English then Chinese; the texts are at most 24 characters long."""

    words: tuple[str, ...]
    english: tuple[str, ...]
    chinese: tuple[str, ...]


PHRASES: dict[str, Phrases] = {
    "wave": Phrases(("hello", "你好"), ("Hello!", "Hi there", "Hey you"), ("你好", "嗨", "大家好")),
    "jump": Phrases(("happy", "开心"), ("So happy!", "Yay!", "Hooray"), ("好开心", "太棒了", "耶")),
    "nod": Phrases(("ok", "好的"), ("OK", "Yes, sure", "Got it"), ("好的", "收到", "没问题")),
    "shake": Phrases(("no", "不要"), ("No way", "Nope", "Not today"), ("不要", "不行", "不是我")),
    "spin": Phrases(("dizzy", "头晕"), ("So dizzy", "Round and round"), ("头好晕", "转圈圈")),
    "cry": Phrases(("crying", "大哭"), ("So sad", "I miss you", "Boo hoo"), ("呜呜呜", "好难过", "想你了")),
    "laugh": Phrases(("haha", "哈哈"), ("Ha ha ha", "So funny", "LOL"), ("哈哈哈", "笑死我了", "太好笑了")),
    "sleep": Phrases(("good night", "晚安"), ("Good night", "Sweet dreams", "Sleepy"), ("晚安", "好困啊", "做个好梦")),
    "dance": Phrases(("dance", "跳舞"), ("Let's dance", "Party time"), ("一起跳舞", "嗨起来")),
    "run": Phrases(("coming", "来了"), ("Coming!", "On my way", "Wait for me"), ("我来了", "等等我", "快跑")),
    "jog": Phrases(("late", "迟到"), ("I'm late!", "Hurry up"), ("要迟到了", "快一点", "冲鸭")),
    "fade": Phrases(("bye bye", "再见"), ("Bye bye", "See you", "Gone"), ("再见", "拜拜", "溜了溜了")),
    "pulse": Phrases(("wow", "哇"), ("Wow!", "Amazing", "Super"), ("哇", "好厉害", "真棒")),
    "peek": Phrases(("peek", "偷看"), ("Peekaboo", "Anyone home?", "I see you"), ("在吗", "偷偷看你", "我在这里")),
    "eat": Phrases(("yummy", "好吃"), ("Yummy", "Snack time", "Delicious"), ("真好吃", "吃货一枚", "还要吃")),
    "noodles": Phrases(("dinner", "吃饭"), ("Dinner time", "So hungry", "Slurp"), ("吃饭啦", "好饿啊", "开饭了")),
    "kiss": Phrases(("kiss", "亲亲"), ("Kiss kiss", "Mwah", "For you"), ("亲亲", "么么哒", "给你")),
    "love": Phrases(("love you", "爱你"), ("I love you", "Love love", "You are cute"), ("爱你", "好喜欢你", "比心")),
    "angry": Phrases(("angry", "生气"), ("So angry", "Hmph!", "Grrr"), ("生气了", "哼", "气死我了")),
    "surprise": Phrases(("what", "什么"), ("What?!", "Oh my!", "Really?"), ("什么", "真的吗", "吓我一跳")),
    "shiver": Phrases(("cold", "好冷"), ("So cold", "Brrr", "Freezing"), ("好冷啊", "冻死了", "瑟瑟发抖")),
    "think": Phrases(("hmm", "思考"), ("Hmm...", "Let me think", "Why?"), ("让我想想", "为什么", "嗯")),
    "sing": Phrases(("music", "唱歌"), ("La la la", "My song", "Sing along"), ("啦啦啦", "一起唱歌", "我爱音乐")),
    "celebrate": Phrases(
        ("congratulations", "恭喜"), ("Congrats!", "Well done", "Cheers"), ("恭喜恭喜", "新年快乐", "祝贺你")
    ),
    "clap": Phrases(("bravo", "鼓掌"), ("Bravo!", "Clap clap", "Good job"), ("鼓掌", "说得好", "干得漂亮")),
    "bow": Phrases(("thank you", "谢谢"), ("Thank you", "Thanks a lot", "Sorry"), ("谢谢", "多谢老板", "对不起")),
    "sulk": Phrases(("sad", "难过"), ("I'm sad", "Bad day", "Lonely"), ("不开心", "心情不好", "难过")),
    "type": Phrases(
        ("working", "上班"), ("Working hard", "Busy busy", "Deadline!"), ("努力工作", "正在加班", "我在忙")
    ),
    "sip": Phrases(("good morning", "早上好"), ("Good morning", "Tea time", "Coffee?"), ("早上好", "喝杯茶吧", "早安")),
    "float": Phrases(("weekend", "周末"), ("Weekend!", "Up and away", "Holiday"), ("周末愉快", "放假啦", "飞走了")),
    "flowers": Phrases(
        ("for you", "送花"), ("For you", "Forgive me", "My flower"), ("送给你", "原谅我吧", "女神节快乐")
    ),
    "birthday": Phrases(("happy birthday", "生日快乐"), ("Happy birthday", "Make a wish"), ("生日快乐", "许个愿吧")),
    "sway": Phrases(("relax", "放松"), ("Relax", "Take it easy", "Bath time"), ("放轻松", "洗澡去了", "慢慢来")),
    "faint": Phrases(("tired", "累"), ("So tired", "I give up", "Knocked out"), ("累死了", "我不行了", "晕倒")),
    "flip": Phrases(("cool", "酷"), ("Watch this", "Cool!", "Wheee"), ("看我的", "酷", "好玩")),
    "turn": Phrases(("shiny", "闪亮"), ("Ta-da!", "Look at me", "Shine on"), ("闪亮登场", "看看我", "好看吗")),
    "umbrella": Phrases(("rain", "下雨"), ("Rainy day", "Stay dry"), ("下雨了", "记得带伞")),
    "cheer": Phrases(("go", "加油"), ("Go go go!", "You can do it", "Fighting"), ("加油", "冲冲冲", "你可以的")),
}

PHOTOGRAPH_WORDS: dict[str, tuple[str, ...]] = {
    "astronaut": ("hello", "smile", "work"),
    "camera": ("work", "photo"),
    "cat": ("cat", "hmm"),
    "coffee": ("good morning", "coffee"),
    "rocket": ("go", "wow"),
    "coins": ("money", "congratulations"),
    "temple": ("holiday", "weekend"),
    "flower": ("for you", "love you"),
}
PHOTOGRAPH_TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "astronaut": (("Ready to fly", "Have a nice day", "Great job!"), ("你好呀", "准备好了", "为你骄傲")),
    "camera": (("Say cheese", "Working hard"), ("看这里", "认真工作")),
    "cat": (("Feed me", "Hmm...", "Not amused"), ("喵", "铲屎官呢", "盯着你看")),
    "coffee": (("Good morning", "Coffee first", "Monday again"), ("早上好", "喝咖啡吗", "提神醒脑")),
    "rocket": (("Let's go!", "To the moon", "Launch day"), ("出发", "一飞冲天", "加油")),
    "coins": (("Pay day", "So rich"), ("发财了", "恭喜发财")),
    "temple": (("On holiday", "On the road"), ("周末愉快", "出去玩吧")),
    "flower": (("For you", "Love you"), ("送给你", "母亲节快乐")),
}

LONG_TEXTS: dict[str, tuple[str, ...]] = {
    "en": (
        "When your friend says five minutes and you have been standing in the rain for an hour with two cold coffees",
        "Me: I will go to bed early tonight. Also me at three in the morning: how do penguins sleep without pillows?",
        "Dear diary, today I ate three breakfasts, took four naps, barked at one leaf and forgot why I came in here",
        "Nobody asked, but here is my list of all the soups I have ever tasted, in order of how sad they made me feel",
        "The meeting that could have been an email is now a series of meetings about how to write shorter emails",
    ),
    "zh": (
        "老板说今天可以早点下班，我高兴地收拾好东西，结果他接着说，那我们先开一个小会吧，大概两三个小时就好，大家准备一下",
        "我本来想早点睡觉的，可是看了一个视频，又看了一个视频，再看一个视频，天就亮了，所以今天我决定从明天开始早睡早起",
        "小时候妈妈说好好学习长大就不用写作业了，长大以后才发现，原来每天都要写报告，写完报告还要写总结，写完总结还要开会",
        "减肥第一天我吃了一片面包和一个苹果，减肥第二天我吃了一只烤鸭和三碗米饭，减肥第三天我决定先吃饱了才有力气去减肥",
        "你有没有想过，也许不是我们在养猫，而是猫在养我们，它们每天看着我们出门去挣钱买鱼，然后安心地睡在我们的床上做梦",
    ),
}
